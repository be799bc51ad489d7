import type { Loop } from "./transport";

/** Where bars start, in seconds, ascending. */
export type Bars = ArrayLike<number>;

const STEP_S = 1;
const LEAST_S = 0.125;
const SAME_S = 0.02;

/** The bar at a time; where no bars are known, the second from it on. */
export function loopAt(timeS: number, bars: Bars, durationS: number): Loop {
  const at = barAt(timeS, bars);
  if (at !== null) return { startS: bars[at] ?? 0, endS: bars[at + 1] ?? durationS };
  const endS = Math.min(durationS, timeS + STEP_S);
  return { startS: Math.max(0, endS - STEP_S), endS };
}

/** A loop that is a bar longer, or shorter for `by` -1, and starts with a bar; where no bars are known, a second, or half of a short one. */
export function changed(loop: Loop, by: 1 | -1, bars: Bars, durationS: number): Loop {
  const first = barAt(loop.startS + SAME_S, bars);
  if (first === null) return { startS: loop.startS, endS: Math.min(durationS, loop.startS + changedS(loop.endS - loop.startS, by)) };
  const last = Math.max(first, lastBar(loop.endS, bars));
  const end = Math.min(bars.length - 1, Math.max(first + 1, last + by));
  return { startS: bars[first] ?? 0, endS: bars[end] ?? durationS };
}

/** A loop's length: `2 bars`, or `1.5 s`. */
export function lengthText({ startS, endS }: Loop, bars: Bars): string {
  const first = barAt(startS + SAME_S, bars);
  const last = lastBar(endS, bars);
  const fits = first !== null && Math.abs((bars[first] ?? 0) - startS) < SAME_S && Math.abs((bars[last] ?? 0) - endS) < SAME_S;
  if (!fits || last <= first) return `${(endS - startS).toFixed(1)} s`;
  return last - first === 1 ? "1 bar" : `${last - first} bars`;
}

/** The bar that a time is in, or null before the first one and after the last one. */
function barAt(timeS: number, bars: Bars): number | null {
  for (let at = 0; at + 1 < bars.length; at += 1) {
    if ((bars[at] ?? 0) <= timeS && timeS < (bars[at + 1] ?? 0)) return at;
  }
  return null;
}

/** The last bar that starts at a time or before, to the nearest 20 ms; -1 without one. */
function lastBar(timeS: number, bars: Bars): number {
  let last = -1;
  for (let at = 0; at < bars.length && (bars[at] ?? 0) <= timeS + SAME_S; at += 1) last = at;
  return last;
}

function changedS(lengthS: number, by: 1 | -1): number {
  if (by > 0) return lengthS < STEP_S ? Math.min(STEP_S, 2 * lengthS) : lengthS + STEP_S;
  return Math.max(Math.min(lengthS, LEAST_S), lengthS > STEP_S ? Math.max(STEP_S, lengthS - STEP_S) : lengthS / 2);
}
