import type { KeyboardEvent } from "react";
import type { Atlas, Filter } from "./atlas";
import { type Frame, panned, type Size, toPixel, type View, whole, zoomed } from "./mapView";
import type { Viewport } from "./viewport";
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
  viewport: Viewport;
  shown: number | null;
  show: (index: number | null) => void;
  open: () => void;
};

/** Handles a key of the map: arrows, + − 0, Enter, Escape. Returns whether it was one. */
export function handleKey(event: KeyboardEvent, keys: Keys): boolean {
  const { frame, viewport, shown } = keys;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const way = WAYS[event.key];
  if (way && event.shiftKey) step(way, keys);
  else if (way) viewport.move((view) => panned(view, -way.x * frame.size.width * PAN_SHARE, way.y * frame.size.height * PAN_SHARE, frame));
  else if (event.key === "+" || event.key === "=") viewport.glide((view) => zoomedBy(ZOOM_STEP, view, keys));
  else if (event.key === "-") viewport.glide((view) => zoomedBy(1 / ZOOM_STEP, view, keys));
  else if (event.key === "0" || event.key === "Home") viewport.glide(() => whole(frame.bounds));
  else if (event.key === "Enter" && shown !== null) keys.open();
  else if (event.key === "Escape" && shown !== null) keys.show(null);
  else return false;
  return true;
}

/** Goes to the next recording in a direction; without a current one, to the one nearest to the middle. */
function step(way: { x: number; y: number }, { atlas, filter, viewport, shown, show }: Keys): void {
  const found =
    shown === null ? atlas.grid.nearest(viewport.view, 4, filter.fits) : toward(atlas.points, shown, way, filter.fits);
  if (found !== null) show(found);
}

/** The view zoomed around the current recording, else around the middle. */
function zoomedBy(factor: number, view: View, { atlas, frame, shown }: Keys): View {
  const point = shown === null ? undefined : atlas.points[shown];
  return zoomed(view, factor, point ? toPixel(point, view, frame) : middleOf(frame.size), frame);
}

export function middleOf({ width, height }: Size) {
  return { left: width / 2, top: height / 2 };
}
