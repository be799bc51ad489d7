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

/** Which points the library's search finds and its label has, by index. */
export type Filter = { fits: (index: number) => boolean; count: number };

export function atlasOf(points: readonly MapPoint[], model: string | null = null): Atlas {
  const unlabelled = points.flatMap(({ label }, index) => (label === null ? [index] : []));
  return { points, model, bounds: boundsOf(points), grid: new Grid(points), names: named(points), unlabelled };
}

/** `found` has the ids of the recordings that the search finds; null where nothing is searched for. */
export function filtered(points: readonly MapPoint[], found: ReadonlySet<string> | null, label: string | null): Filter {
  if (found === null && label === null) return { fits: () => true, count: points.length };
  const kept = points.map(({ track_id, labels }) => (label === null || labels.includes(label)) && (found === null || found.has(track_id)));
  return { fits: (index) => kept[index] ?? false, count: kept.filter(Boolean).length };
}
