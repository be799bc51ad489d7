import { type PointerEvent, type ReactNode, type RefObject, useRef } from "react";
import { useStore } from "./store";
import { useTimeAxis } from "./timeAxis";
import { toTime, toX } from "./view";

const DRAG_PX = 5;

type Props = { className: string; children: ReactNode; box?: RefObject<HTMLDivElement | null> };

/** A part of the page as wide as the time axis: a click on it seeks, a drag sets a loop; it shows loop and playhead. */
export function Lane({ className, children, box }: Props) {
  const { transport, view, width } = useTimeAxis();
  const drag = useRef<{ x: number; timeS: number; moved: boolean } | null>(null);
  const timeAt = (event: PointerEvent<HTMLElement>) => {
    const { left } = event.currentTarget.getBoundingClientRect();
    return toTime(Math.min(width, Math.max(0, event.clientX - left)), view, width);
  };
  return (
    <div
      ref={box}
      className={`lane ${className}`}
      onPointerDown={(event) => {
        if (event.button !== 0 || (event.target as HTMLElement).closest("button, input, select, [data-own-drag]")) return;
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
