import { itemS, type Levels, type Part } from "./tiles";
import { toX, type View } from "./view";

/** Lowest and highest values, one after the other; full scale is 1. */
export type OutlineTile = ArrayLike<number>;

/** The lowest and the highest value in each column of a picture; columns without sound hold an infinity. */
export type Extremes = { low: Float32Array; high: Float32Array };

/** The extremes of the columns of a view. A column has all items that touch it, whichever tiles they are in. */
export function extremes(levels: Levels, drawn: readonly Part<OutlineTile>[], view: View, columns: number): Extremes {
  const low = new Float32Array(columns).fill(Number.POSITIVE_INFINITY);
  const high = new Float32Array(columns).fill(Number.NEGATIVE_INFINITY);
  for (const part of drawn) {
    eachItem(levels, part, view, (index, startS, endS) => {
      const first = Math.max(0, Math.floor(toX(Math.max(startS, part.startS), view, columns) + 1e-6));
      const last = Math.min(columns, Math.max(first + 1, Math.ceil(toX(Math.min(endS, part.endS), view, columns) - 1e-6)));
      for (let at = first; at < last; at += 1) {
        low[at] = Math.min(low[at] ?? 0, part.tile[2 * index] ?? 0);
        high[at] = Math.max(high[at] ?? 0, part.tile[2 * index + 1] ?? 0);
      }
    });
  }
  return { low, high };
}

/** The points of a line through single samples: time in seconds, value. */
export function linePoints(levels: Levels, drawn: readonly Part<OutlineTile>[], view: View): [number, number][] {
  const found: [number, number][] = [];
  for (const part of drawn) eachItem(levels, part, view, (index, startS) => found.push([startS, part.tile[2 * index] ?? 0]), 1);
  return found;
}

function eachItem(
  levels: Levels,
  { tile, level, number, startS, endS }: Part<OutlineTile>,
  view: View,
  visit: (index: number, startS: number, endS: number) => void,
  beyond = 0,
): void {
  const widthS = itemS(levels, level);
  const originS = number * levels.tile_items * widthS;
  const first = Math.max(0, Math.floor((Math.max(view.startS - beyond * widthS, startS) - originS) / widthS + 1e-6));
  const last = Math.min(tile.length / 2, Math.ceil((Math.min(view.endS + beyond * widthS, endS) - originS) / widthS - 1e-6));
  for (let index = first; index < last; index += 1) visit(index, originS + index * widthS, originS + (index + 1) * widthS);
}
