import { type PointerEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useStore } from "../sound/store";
import { panned, ticks, toTime, toX, zoomed, zoomOf } from "../sound/view";
import { time } from "../ui/format";
import { useTimeAxis } from "../sound/timeAxis";

const DRAG_PX = 5;
const WHEEL_ZOOM = 0.0015;

/** Plots on one time axis. A click seeks, a drag sets a loop, the wheel zooms and pans. */
export function Timeline({ children }: { children: ReactNode }) {
  const { transport, view, width } = useTimeAxis();
  const plots = useRef<HTMLDivElement>(null);
  const drag = useRef<{ x: number; timeS: number; moved: boolean } | null>(null);
  useWheel(plots);
  const timeAt = (event: PointerEvent) => {
    const box = plots.current?.getBoundingClientRect();
    return toTime(Math.min(width, Math.max(0, event.clientX - (box?.left ?? 0))), view, width);
  };
  return (
    <div className="timeline">
      <div
        ref={plots}
        className="timeline__plots"
        onPointerDown={(event) => {
          if (event.button !== 0 || (event.target as HTMLElement).closest("button, input, select")) return;
          drag.current = { x: event.clientX, timeS: timeAt(event), moved: false };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const from = drag.current;
          if (!from || (!from.moved && Math.abs(event.clientX - from.x) < DRAG_PX)) return;
          from.moved = true;
          const to = timeAt(event);
          transport.setLoop({ startS: Math.min(from.timeS, to), endS: Math.max(from.timeS, to) });
        }}
        onPointerUp={(event) => {
          const from = drag.current;
          drag.current = null;
          if (!from) return;
          if (!from.moved) transport.seek(timeAt(event));
          else transport.seek(transport.state.get().loop?.startS ?? from.timeS);
        }}
        onPointerCancel={() => {
          drag.current = null;
        }}
      >
        {children}
        <LoopShade />
        <Playhead />
      </div>
      <Ruler />
    </div>
  );
}

function Playhead() {
  const { transport, view, width } = useTimeAxis();
  const at = useStore(transport.time);
  const x = toX(at, view, width);
  if (x < 0 || x > width) return null;
  return <div className="playhead" style={{ transform: `translateX(${x}px)` }} aria-hidden="true" />;
}

function LoopShade() {
  const { transport, view, width } = useTimeAxis();
  const { loop } = useStore(transport.state);
  if (!loop) return null;
  const left = Math.max(0, toX(loop.startS, view, width));
  const right = Math.min(width, toX(loop.endS, view, width));
  if (right <= left) return null;
  return <div className="loop" style={{ left, width: right - left }} aria-hidden="true" />;
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

/** Ctrl and the wheel, or a pinch, zoom; the wheel sideways pans. */
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
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        const around = toTime(event.clientX - element.getBoundingClientRect().left, view, width);
        const zoom = Math.min(1, Math.max(0, zoomOf(view, durationS) - event.deltaY * WHEEL_ZOOM));
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
