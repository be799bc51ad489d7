import { isInside, type Pixel, type Size, type Spot } from "./mapView";

/** A label, the indices of its recordings, their middle, and how far above the middle 90 % of them are. */
export type Named = { label: string; members: number[]; middle: Spot; reach: number };
/** A name to be drawn `lift` pixels above a pixel. */
export type Name = { label: string; at: Pixel; lift: number; width: number };

export const NAME_PX = 16;
const FEW = 25;
const MOST = 0.9;
const HIGHEST_PX = 48;
const APART_PX = 4;
// Lines by which a name is moved when another name is in its place.
const ELSEWHERE = [0, -1, 1];

/** The labels, those with most recordings first. */
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

/** How far above the middle a name is drawn, in pixels: it must not hide a small group of dots. */
export function lifted({ members, reach }: Named, scale: number, radius: number): number {
  if (members.length >= FEW) return 0;
  const up = reach * scale;
  return (up > HIGHEST_PX ? 0 : up) + radius + NAME_PX / 2;
}

/** The positions of names, most important first. A name that would cover another moves by a line or is left out. */
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

/** The median of each coordinate, so that outliers do not move a name; for a few spots, the spot nearest to it. */
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
