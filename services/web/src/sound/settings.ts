/** The frequencies that are played, in hertz. */
export type Band = { lowHz: number; highHz: number };

/** How a recording's sounds are played. */
export type SoundSettings = {
  /** 1 is the recording's own speed. */
  speed: number;
  /** Whether the pitch stays the recording's at another speed. */
  keepsPitch: boolean;
  /** From 0 to 1. */
  volume: number;
  muted: boolean;
  /** Without one, everything is played. */
  band: Band | null;
};

export const SLOWEST = 0.5;
export const FASTEST = 2;

const STORED = "phonoscope.volume";
const PLAIN: SoundSettings = { speed: 1, keepsPitch: true, volume: 1, muted: false, band: null };

/** The recording's own speed, at the volume that was chosen last in this browser. */
export function rememberedSound(): SoundSettings {
  try {
    const { volume, muted } = JSON.parse(globalThis.localStorage?.getItem(STORED) ?? "{}") as Partial<SoundSettings>;
    return { ...PLAIN, volume: typeof volume === "number" ? between(volume, 0, 1) : 1, muted: muted === true };
  } catch {
    return PLAIN;
  }
}

/** The sound of a page without controls of the volume: what was silenced elsewhere is heard there. */
export function audibleSound(): SoundSettings {
  const sound = rememberedSound();
  return { ...sound, muted: false, volume: sound.volume || PLAIN.volume };
}

export function rememberVolume({ volume, muted }: SoundSettings): void {
  try {
    globalThis.localStorage?.setItem(STORED, JSON.stringify({ volume, muted }));
  } catch {
    // The storage is full or switched off: the volume is forgotten with the page.
  }
}

/** Settings with values in their ranges: a speed in steps of 5 %, a volume in steps of 1 %. */
export function withinRange(settings: SoundSettings): SoundSettings {
  return {
    ...settings,
    speed: between(Math.round(settings.speed * 20) / 20, SLOWEST, FASTEST),
    volume: between(Math.round(settings.volume * 100) / 100, 0, 1),
  };
}

/** A speed as `0.75 ×`. */
export function speedText(speed: number): string {
  return `${speed.toFixed(2)} ×`;
}

function between(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
