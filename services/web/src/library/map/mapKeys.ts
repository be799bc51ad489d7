import type { KeyboardEvent } from "react";
import type { Atlas, Filter } from "./atlas";
import { type Frame, panned, type Size, toPixel, type View, whole, zoomed } from "./mapView";
import type { Moving } from "./moving";
import { toward } from "./nearest";

export const ZOOM_STEP = 1.6;
const PAN_SHARE = 1 / 8;
const WAYS: Record<string, { x: number; y: number }> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: 1 },
  ArrowDown: { x: 0, y: -1 },
};

type Keys = {
  atlas: Atlas;
  filter: Filter;
  frame: Frame;
  moving: Moving;
  shown: number | null;
  show: (index: number | null) => void;
  open: () => void;
};

/** Arrows move the map and, with Shift, go from recording to recording; Enter opens one. Whether the key was meant. */
export function handleKey(event: KeyboardEvent, keys: Keys): boolean {
  const { frame, moving, shown } = keys;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const way = WAYS[event.key];
  if (way && event.shiftKey) step(way, keys);
  else if (way) moving.move((view) => panned(view, -way.x * frame.size.width * PAN_SHARE, way.y * frame.size.height * PAN_SHARE, frame));
  else if (event.key === "+" || event.key === "=") moving.glide((view) => zoomedBy(ZOOM_STEP, view, keys));
  else if (event.key === "-") moving.glide((view) => zoomedBy(1 / ZOOM_STEP, view, keys));
  else if (event.key === "0" || event.key === "Home") moving.glide(() => whole(frame.bounds));
  else if (event.key === "Enter" && shown !== null) keys.open();
  else if (event.key === "Escape" && shown !== null) keys.show(null);
  else return false;
  return true;
}

/** From the recording that is looked at to the next in a direction; from none, to the one nearest to the middle. */
function step(way: { x: number; y: number }, { atlas, filter, moving, shown, show }: Keys): void {
  const found =
    shown === null ? atlas.grid.nearest(moving.view, 4, filter.fits) : toward(atlas.points, shown, way, filter.fits);
  if (found !== null) show(found);
}

/** Around the recording that is looked at, else around the middle. */
function zoomedBy(factor: number, view: View, { atlas, frame, shown }: Keys): View {
  const point = shown === null ? undefined : atlas.points[shown];
  return zoomed(view, factor, point ? toPixel(point, view, frame) : middleOf(frame.size), frame);
}

export function middleOf({ width, height }: Size) {
  return { left: width / 2, top: height / 2 };
}
