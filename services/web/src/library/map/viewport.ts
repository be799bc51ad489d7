import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { between, type Bounds, type View, whole } from "./mapView";

const GLIDE_MS = 150;
const SETTLED_MS = 200;

// Going back from a recording shows the same part of the map.
let last: { drawing: string; view: View } | null = null;

/** The visible part of the map. `move` changes it at once, `glide` in 150 ms. */
export type Viewport = { view: View; move: (change: (view: View) => View) => void; glide: (change: (view: View) => View) => void };

export function useViewport(drawing: string, bounds: Bounds): Viewport {
  const [view, setView] = useState(() => (last?.drawing === drawing ? last.view : whole(bounds)));
  const latest = useRef(view);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const set = useCallback(
    (next: View) => {
      latest.current = next;
      last = { drawing, view: next };
      setView(next);
    },
    [drawing],
  );
  return useMemo(() => {
    const move: Viewport["move"] = (change) => {
      cancelAnimationFrame(frame.current);
      set(change(latest.current));
    };
    const glide: Viewport["glide"] = (change) => {
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

/** A value after it has not changed for 200 ms. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
