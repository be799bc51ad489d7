import { isInside, type Pixel, type Size, type Spot } from "./mapView";

/** A label, the places in the list of its recordings, the middle of where these lie, and how far up most of them do. */
export type Named = { label: string; members: number[]; middle: Spot; reach: number };
/** A name that wants to stand so far above a pixel. */
export type Name = { label: string; at: Pixel; lift: number; width: number };

export const NAME_PX = 16;
const FEW = 25;
const MOST = 0.9;
const HIGHEST_PX = 48;
const APART_PX = 4;
// Where a name goes when another stands in its place: above it, below it.
const ELSEWHERE = [0, -1, 1];

/** Labels, those with most recordings first. */
export function named(points: readonly (Spot & { label: string | null })[]): Named[] {
  const members = new Map<string, number[]>();
  points.forEach(({ label }, index) => {
    if (label === null) return;
    const found = members.get(label);
    if (found) found.push(index);
    else members.set(label, [index]);
  });
  return [...members]
    .map(([label, indices]) => ({ label, members: indices, ...middleOf(indices.map((at) => points[at] as Spot)) }))
    .sort((a, b) => b.members.length - a.members.length || a.label.localeCompare(b.label));
}

/** How far above the middle a name stands: a few dots would be hidden by it, unless they lie far off anyway. */
export function lifted({ members, reach }: Named, scale: number, radius: number): number {
  if (members.length >= FEW) return 0;
  const up = reach * scale;
  return (up > HIGHEST_PX ? 0 : up) + radius + NAME_PX / 2;
}

/** Where names stand, the first first; one that would cover another moves a little or is left out. */
export function placed(names: readonly Name[], size: Size): Name[] {
  const { width, height } = size;
  const found: Name[] = [];
  for (const name of names.filter(({ at }) => isInside(at, size))) {
    const half = name.width / 2;
    const left = Math.max(half + APART_PX, Math.min(width - half - APART_PX, name.at.left));
    for (const lines of ELSEWHERE) {
      const top = name.at.top - name.lift + lines * (NAME_PX + APART_PX);
      const tried = { ...name, at: { left, top: Math.max(NAME_PX / 2, Math.min(height - NAME_PX / 2, top)) } };
      if (found.some((other) => covers(other, tried))) continue;
      found.push(tried);
      break;
    }
  }
  return found;
}

/** Each coordinate's median, or of a few the spot next to it: what lies far off does not draw a name away. */
function middleOf(spots: readonly Spot[]): { middle: Spot; reach: number } {
  const amid = { x: median(spots.map(({ x }) => x)), y: median(spots.map(({ y }) => y)) };
  const off = ({ x, y }: Spot) => Math.hypot(x - amid.x, y - amid.y);
  const middle = spots.length < FEW ? spots.reduce((next, spot) => (off(spot) < off(next) ? spot : next)) : amid;
  const above = spots.map(({ y }) => y - middle.y).sort((a, b) => a - b);
  return { middle, reach: Math.max(0, above[Math.floor(above.length * MOST)] ?? 0) };
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  const half = values.length / 2;
  return ((values[Math.floor(half)] ?? 0) + (values[Math.ceil(half) - 1] ?? 0)) / 2;
}

function covers(one: Name, other: Name): boolean {
  const across = Math.abs(one.at.left - other.at.left) < (one.width + other.width) / 2 + APART_PX;
  return across && Math.abs(one.at.top - other.at.top) < NAME_PX + APART_PX / 2;
}
