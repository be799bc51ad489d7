import { COLOUR_MAPS, type ColourMap } from "./colours";
import type { Scale } from "./mel";
import { Store } from "./store";

export const SCALES: readonly Scale[] = ["mel", "linear", "log"];
/** Which frames a spectrogram has: longer ones tell pitches apart, shorter ones moments. Numbers are samples in a frame's window. */
export const FRAMES = ["by zoom", "longest", "shorter", "512", "1024", "2048", "4096", "8192"] as const;
export type Frames = (typeof FRAMES)[number];

/** The samples in a frame's window, where they were chosen; undefined where the service chooses them. */
export function windowOf(frames: Frames): number | undefined {
  return Number(frames) || undefined;
}

/** How spectrograms are drawn. */
export type Look = {
  colours: ColourMap;
  /** Whether loud is dark, as on paper. */
  inverted: boolean;
  scale: Scale;
  /** The level of the brightest colour, in dB to the loudest spot of the recording. */
  topDb: number;
  /** How far below it the darkest colour is, in dB. */
  rangeDb: number;
  frames: Frames;
};

export const PLAIN: Look = { colours: "magma", inverted: false, scale: "mel", topDb: 0, rangeDb: 80, frames: "by zoom" };
export const RANGE_DB = { least: 10, most: 120 };
export const TOP_DB = { least: -60, most: 20 };

const STORED = "phonoscope.spectrogram";

/** The look of all spectrograms, the one that was chosen last in this browser. */
export const look = new Store<Look>(remembered());

look.subscribe(() => {
  try {
    globalThis.localStorage?.setItem(STORED, JSON.stringify(look.get()));
  } catch {
    // The storage is full or switched off: the look is forgotten with the page.
  }
});

function remembered(): Look {
  try {
    return lookOf(JSON.parse(globalThis.localStorage?.getItem(STORED) ?? "{}"));
  } catch {
    return PLAIN;
  }
}

/** The look that a stored value describes; plain where it says nothing that can be. */
export function lookOf(stored: unknown): Look {
  const given = typeof stored === "object" && stored !== null ? (stored as Partial<Look>) : {};
  const one = <Value>(value: Value | undefined, known: readonly Value[], plain: Value) => (value !== undefined && known.includes(value) ? value : plain);
  const number = (value: unknown, { least, most }: { least: number; most: number }, plain: number) =>
    typeof value === "number" && Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : plain;
  return {
    colours: one(given.colours, COLOUR_MAPS, PLAIN.colours),
    inverted: given.inverted === true,
    scale: one(given.scale, SCALES, PLAIN.scale),
    topDb: number(given.topDb, TOP_DB, PLAIN.topDb),
    rangeDb: number(given.rangeDb, RANGE_DB, PLAIN.rangeDb),
    frames: one(given.frames, FRAMES, PLAIN.frames),
  };
}
