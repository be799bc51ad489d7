import { hash } from "../api/hash";
import type { Segment } from "./segments";

/** Colours that can be told apart, by eyes of all kinds; further labels share one more. */
export const COLOURS = 8;

/** A label on the strip: its colour's number, null for the colour that the further ones share; and its seconds in all. */
export type LabelColour = { label: string; colour: number | null; seconds: number };

/**
 * The labels of a recording, the longest first, with their colours.
 *
 * A label has the same colour in every recording, unless a longer one of the same recording has it already.
 */
export function labelColours(segments: readonly Segment[]): LabelColour[] {
  const seconds = new Map<string, number>();
  for (const { label, startS, endS } of segments) {
    if (label !== null) seconds.set(label, (seconds.get(label) ?? 0) + endS - startS);
  }
  const taken = new Set<number>();
  return [...seconds]
    .sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1))
    .map(([label, length]) => ({ label, colour: free(label, taken), seconds: length }));
}

function free(label: string, taken: Set<number>): number | null {
  if (taken.size === COLOURS) return null;
  const mark = hash(label);
  // Its lowest bits alone are poor.
  let colour = ((mark ^ (mark >>> 15)) >>> 0) % COLOURS;
  while (taken.has(colour)) colour = (colour + 1) % COLOURS;
  taken.add(colour);
  return colour;
}
