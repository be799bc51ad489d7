import type { View } from "./view";

const LEAST_APART_PX = 6;

/** A beat on the axis; `down` where it starts a bar. */
export type Mark = { timeS: number; down: boolean };

/** The beats in view, ascending. Where they are less than 6 pixels apart, only those that start a bar, or none. */
export function shownTimes(beats: ArrayLike<number>, downbeats: ArrayLike<number>, view: View, width: number): Mark[] {
  const bars = within(downbeats, view);
  const firsts = new Set(bars);
  const all = within(beats, view);
  if (hasRoom(all, width)) return all.map((timeS) => ({ timeS, down: firsts.has(timeS) }));
  return hasRoom(bars, width) ? bars.map((timeS) => ({ timeS, down: true })) : [];
}

function hasRoom(times: number[], width: number): boolean {
  return times.length * LEAST_APART_PX <= width;
}

/** The beats from `startS` on and before `endS`, ascending. */
export function beatsBetween(beats: ArrayLike<number>, downbeats: ArrayLike<number>, startS: number, endS: number): Mark[] {
  const firsts = new Set(within(downbeats, { startS, endS }));
  return within(beats, { startS, endS })
    .filter((timeS) => timeS < endS)
    .map((timeS) => ({ timeS, down: firsts.has(timeS) }));
}

function within(times: ArrayLike<number>, { startS, endS }: View): number[] {
  const found: number[] = [];
  for (let at = firstFrom(times, startS); at < times.length; at += 1) {
    const time = times[at] ?? Number.POSITIVE_INFINITY;
    if (time > endS) break;
    found.push(time);
  }
  return found;
}

/** The position of the first time that is not before `from`. */
function firstFrom(times: ArrayLike<number>, from: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
