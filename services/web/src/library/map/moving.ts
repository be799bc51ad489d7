import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { between, type Bounds, type View, whole } from "./mapView";

const GLIDE_MS = 150;
const SETTLED_MS = 200;

// The way back from a recording leads to where one was on the map.
let left: { drawnAt: string; view: View } | null = null;

/** What is seen of the map, and how to change it: at once, or by a short glide. */
export type Moving = { view: View; move: (change: (view: View) => View) => void; glide: (change: (view: View) => View) => void };

export function useMoving(drawnAt: string, bounds: Bounds): Moving {
  const [view, setView] = useState(() => (left?.drawnAt === drawnAt ? left.view : whole(bounds)));
  const latest = useRef(view);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const set = useCallback(
    (next: View) => {
      latest.current = next;
      left = { drawnAt, view: next };
      setView(next);
    },
    [drawnAt],
  );
  return useMemo(() => {
    const move: Moving["move"] = (change) => {
      cancelAnimationFrame(frame.current);
      set(change(latest.current));
    };
    const glide: Moving["glide"] = (change) => {
      cancelAnimationFrame(frame.current);
      const from = latest.current;
      const to = change(from);
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return set(to);
      const start = performance.now();
      const step = (now: number) => {
        const share = Math.min(1, Math.max(0, (now - start) / GLIDE_MS));
        set(share < 1 ? between(from, to, share) : to);
        if (share < 1) frame.current = requestAnimationFrame(step);
      };
      frame.current = requestAnimationFrame(step);
    };
    return { view, move, glide };
  }, [view, set]);
}

/** A value as it was when it last stood still for a moment. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
