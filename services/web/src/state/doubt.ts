import type { ResultOf } from "./results";
import { percent } from "../ui/format";

type Described = ResultOf<"describe">;

// From these confidences on a figure is called sure, or fairly sure.
const SURE = 0.6;
const FAIRLY = 0.3;
const CLEAR = 0.3;
const NARROW = 0.1;
const NEAR = 0.04;
const RATIOS = [
  [1 / 3, "a third as fast"],
  [1 / 2, "half as fast"],
  [2 / 3, "two thirds as fast"],
  [3 / 4, "three quarters as fast"],
  [4 / 3, "a third faster"],
  [3 / 2, "half as fast again"],
  [2, "twice as fast"],
  [3, "three times as fast"],
] as const;

/** How sure a tempo is, in words and in percent. */
export function tempoDoubt(confidence: number): string {
  const word = confidence >= SURE ? "sure" : confidence >= FAIRLY ? "fairly sure" : "unsure";
  return `${word}, ${percent(confidence)}`;
}

/** How sure a key is, in words and in percent: by how much it leads the next likely one. */
export function keyDoubt(lead: number): string {
  const word = lead >= CLEAR ? "sure" : lead >= NARROW ? "fairly sure" : "unsure";
  return `${word}, ${percent(lead)} ahead of the next`;
}

/** The tempos that are less likely, each with how it relates to the first: `59 bpm, half as fast (20 %)`. */
export function otherTempos({ tempo_bpm, tempo_candidates = [] }: Pick<Described, "tempo_bpm" | "tempo_candidates">): string[] {
  if (tempo_bpm === null) return [];
  return tempo_candidates.slice(1).map(({ bpm, strength }) => {
    const ratio = ratioText(bpm / tempo_bpm);
    return `${Math.round(bpm)} bpm${ratio ? `, ${ratio}` : ""} (${percent(strength)})`;
  });
}

function ratioText(ratio: number): string | null {
  return RATIOS.find(([known]) => Math.abs(ratio / known - 1) < NEAR)?.[1] ?? null;
}

export type Advice = { name: string; differenceDb: number; text: string };

/** The bands that stand out against a genre, the furthest first. */
export function adviceOf({ genre, bands }: NonNullable<Described["reference"]>): Advice[] {
  return bands
    .flatMap(({ name, difference_db, spread_db }) => {
      if (difference_db === null || Math.abs(difference_db) <= (spread_db ?? 0)) return [];
      const side = difference_db > 0 ? "above" : "below";
      return [{ name, differenceDb: difference_db, text: `${Math.abs(difference_db).toFixed(1)} dB ${side} what ${genre} usually has` }];
    })
    .sort((one, other) => Math.abs(other.differenceDb) - Math.abs(one.differenceDb));
}
