import { pixelOf } from "./gestures";
import { type PointerEvent, useRef, useState } from "react";
import type { Pixel } from "./mapView";

const STEP_PX = 3;
const LEAST_CORNERS = 3;

/** A line that is drawn around points with the pointer, while `active`. `onEnd` gets its corners when it is closed. */
export function useLasso(active: boolean, onEnd: (corners: readonly Pixel[]) => void) {
  // Several moves may come before the next rendering.
  const drawn = useRef<Pixel[]>([]);
  const [path, setPath] = useState<readonly Pixel[]>([]);
  const keep = (corners: Pixel[]) => {
    drawn.current = corners;
    setPath(corners);
  };
  if (!active) return { path: [], handlers: null };
  const handlers = {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0 || drawn.current.length) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      keep([pixelOf(event)]);
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const last = drawn.current.at(-1);
      if (!last || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
      const at = pixelOf(event);
      if (Math.hypot(at.left - last.left, at.top - last.top) >= STEP_PX) keep([...drawn.current, at]);
    },
    onPointerUp: (event: PointerEvent<HTMLElement>) => {
      if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
      const corners = drawn.current;
      keep([]);
      if (corners.length >= LEAST_CORNERS) onEnd(corners);
    },
    onPointerCancel: () => keep([]),
  };
  return { path, handlers };
}

/** Whether a pixel is inside a closed line, by the even-odd rule. */
export function isWithin({ left, top }: Pixel, corners: readonly Pixel[]): boolean {
  let inside = false;
  let before = corners.at(-1);
  for (const corner of corners) {
    if (before && corner.top > top !== before.top > top) {
      const crossing = corner.left + ((top - corner.top) / (before.top - corner.top)) * (before.left - corner.left);
      if (left < crossing) inside = !inside;
    }
    before = corner;
  }
  return inside;
}
