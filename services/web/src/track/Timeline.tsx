import { type ReactNode, useEffect, useRef, useState } from "react";
import { Lane } from "../sound/Lane";
import { panned, ticks, toTime, toX, zoomed, zoomOf } from "../sound/view";
import { time } from "../ui/format";
import { useTimeAxis } from "../sound/timeAxis";

const WHEEL_ZOOM = 0.0015;

/** Plots on one time axis. A click seeks, a drag sets a loop, the wheel zooms and pans. */
export function Timeline({ children }: { children: ReactNode }) {
  const plots = useRef<HTMLDivElement>(null);
  useWheel(plots);
  return (
    <div className="timeline">
      <Lane className="timeline__plots" box={plots}>
        {children}
      </Lane>
      <Ruler />
    </div>
  );
}

function Ruler() {
  const { view, width } = useTimeAxis();
  const digits = digitsFor(view.endS - view.startS);
  return (
    <div className="ruler" aria-hidden="true">
      {ticks(view, width).map((at) => {
        const x = toX(at, view, width);
        const edge = x > width - 24 ? "ruler__tick--end" : x < 12 ? "ruler__tick--start" : "";
        return (
          <span key={at} className={`ruler__tick ${edge}`} style={{ left: x }}>
            {time(at, digits)}
          </span>
        );
      })}
    </div>
  );
}

/** The digits after the point that tell ticks apart. */
function digitsFor(spanS: number): number {
  if (spanS < 0.02) return 4;
  if (spanS < 0.2) return 3;
  if (spanS < 2) return 2;
  return spanS < 12 ? 1 : 0;
}

/** Ctrl and the wheel, or a pinch, zoom; the wheel sideways, or with Shift, pans. Some browsers turn it sideways with Shift. */
function useWheel(plots: React.RefObject<HTMLDivElement | null>): void {
  const axis = useTimeAxis();
  const latest = useRef(axis);
  latest.current = axis;
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  useEffect(() => setElement(plots.current), [plots]);
  useEffect(() => {
    if (!element) return;
    const turn = (event: WheelEvent) => {
      const { view, width, durationS, setView } = latest.current;
      const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
      if (event.ctrlKey || event.metaKey) {
        const around = toTime(event.clientX - element.getBoundingClientRect().left, view, width);
        const zoom = zoomOf(view, durationS) - event.deltaY * WHEEL_ZOOM;
        setView(zoomed(view, zoom, around, durationS));
      } else if (sideways) {
        setView(panned(view, (sideways / Math.max(1, width)) * (view.endS - view.startS), durationS));
      } else return;
      event.preventDefault();
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [element]);
}
