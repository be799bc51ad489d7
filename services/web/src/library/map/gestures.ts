import { type PointerEvent, type RefObject, useEffect, useRef } from "react";
import { type Frame, type Pixel, panned, zoomed } from "./mapView";
import type { Viewport } from "./viewport";

const STILL_PX = 6;
const LINE_PX = 16;
const WHEEL = 0.0015;
// Browsers report a pinch on a touchpad as a wheel with Ctrl, in small steps.
const PINCH = 0.01;

type Held = { at: Pixel; start: Pixel };
type Pick = (at: Pixel, touch: boolean) => void;

/** Drag pans, pinch and wheel zoom; a press without a move picks. */
export function useGestures(plot: RefObject<HTMLElement | null>, frame: Frame, viewport: Viewport, pick: Pick, hover: (at: Pixel | null) => void) {
  const pointers = useRef(new Map<number, Held>());
  const dragged = useRef(false);
  useWheel(plot, frame, viewport);

  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    const at = pixelOf(event);
    if (pointers.current.size === 0) dragged.current = false;
    pointers.current.set(event.pointerId, { at, start: at });
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    const at = pixelOf(event);
    const held = pointers.current.get(event.pointerId);
    if (!held) return event.pointerType === "touch" ? undefined : hover(at);
    dragged.current ||= pointers.current.size > 1 || distance(at, held.start) > STILL_PX;
    if (!dragged.current) return;
    hover(null);
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1].at;
    viewport.move((view) => {
      if (!other) return panned(view, at.left - held.at.left, at.top - held.at.top, frame);
      const [before, after] = [midway(held.at, other), midway(at, other)];
      const shifted = panned(view, after.left - before.left, after.top - before.top, frame);
      return zoomed(shifted, distance(at, other) / Math.max(1, distance(held.at, other)), after, frame);
    });
    pointers.current.set(event.pointerId, { ...held, at });
  };
  const onPointerUp = (event: PointerEvent<HTMLElement>) => {
    const held = pointers.current.get(event.pointerId);
    pointers.current.delete(event.pointerId);
    if (held && !dragged.current) pick(held.at, event.pointerType === "touch");
  };
  const onPointerCancel = (event: PointerEvent<HTMLElement>) => void pointers.current.delete(event.pointerId);
  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel, onPointerLeave: () => hover(null) };
}

/** Zooms with the wheel. React's own wheel listeners are passive and cannot stop the page from scrolling. */
function useWheel(plot: RefObject<HTMLElement | null>, frame: Frame, { view, move }: Viewport): void {
  const latest = useRef({ frame, zoom: view.zoom });
  latest.current = { frame, zoom: view.zoom };
  useEffect(() => {
    const node = plot.current;
    const onWheel = (event: WheelEvent) => {
      // Over the whole map, the wheel scrolls the page down.
      if (!event.ctrlKey && event.deltaY > 0 && latest.current.zoom <= 1) return;
      event.preventDefault();
      const area = (event.currentTarget as HTMLElement).getBoundingClientRect();
      const around = { left: event.clientX - area.left, top: event.clientY - area.top };
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1);
      const factor = Math.exp(-pixels * (event.ctrlKey ? PINCH : WHEEL));
      move((view) => zoomed(view, factor, around, latest.current.frame));
    };
    node?.addEventListener("wheel", onWheel, { passive: false });
    return () => node?.removeEventListener("wheel", onWheel);
  }, [plot, move]);
}

/** Where an event is in the element that listens to it. */
export function pixelOf(event: PointerEvent<HTMLElement>): Pixel {
  const area = event.currentTarget.getBoundingClientRect();
  return { left: event.clientX - area.left, top: event.clientY - area.top };
}

function distance(one: Pixel, other: Pixel): number {
  return Math.hypot(one.left - other.left, one.top - other.top);
}

function midway(one: Pixel, other: Pixel): Pixel {
  return { left: (one.left + other.left) / 2, top: (one.top + other.top) / 2 };
}
