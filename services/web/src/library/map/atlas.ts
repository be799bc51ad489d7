import type { MapPoint } from "./queries";
import { type Bounds, boundsOf } from "./mapView";
import { type Named, named } from "./labelNames";
import { Grid } from "./nearest";

/** All recordings on the map, with what is computed from them once. */
export type Atlas = {
  points: readonly MapPoint[];
  /** The model whose labels they have; null for each one's newest. */
  model: string | null;
  bounds: Bounds;
  grid: Grid;
  names: readonly Named[];
  unlabelled: readonly number[];
};

/** Which points match the library's search and label, by index. */
export type Filter = { fits: (index: number) => boolean; count: number };

export function atlasOf(points: readonly MapPoint[], model: string | null = null): Atlas {
  const unlabelled = points.flatMap(({ label }, index) => (label === null ? [index] : []));
  return { points, model, bounds: boundsOf(points), grid: new Grid(points), names: named(points), unlabelled };
}

export function filtered(points: readonly MapPoint[], search: string, label: string | null): Filter {
  if (!search && label === null) return { fits: () => true, count: points.length };
  const wanted = folded(search);
  const kept = points.map((point) => (label === null || point.labels.includes(label)) && folded(point.filename).includes(wanted));
  return { fits: (index) => kept[index] ?? false, count: kept.filter(Boolean).length };
}

/** Text as the library's search compares it. */
const folded = (text: string) => text.normalize("NFC").toLowerCase();
