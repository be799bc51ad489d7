import { useEffect, useRef } from "react";
import { useStore } from "../sound/store";
import { useDesk } from "../sound/desk";
import { signed } from "../ui/format";
import type { StemsSource } from "./engine";
import { QUIETEST_DB } from "./mix";

/** How loud the mix is at this moment, by what goes to the loudspeaker. */
export function MasterMeter({ source }: { source: StemsSource | null }) {
  const { transport } = useDesk();
  const { playing, source: what } = useStore(transport.state);
  const on = playing && what === "stems";
  const meter = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!on || !source) return;
    let frame = requestAnimationFrame(function show() {
      draw(meter.current, source.level());
      frame = requestAnimationFrame(show);
    });
    return () => {
      cancelAnimationFrame(frame);
      draw(meter.current, QUIETEST_DB);
    };
  }, [on, source]);
  return (
    <div
      ref={meter}
      className="meter"
      role="meter"
      aria-label="Level of the mix"
      aria-valuemin={QUIETEST_DB}
      aria-valuemax={0}
      aria-valuenow={QUIETEST_DB}
    >
      <div />
    </div>
  );
}

function draw(meter: HTMLDivElement | null, level: number): void {
  if (!meter) return;
  const missing = Math.min(0, level) / QUIETEST_DB;
  (meter.firstElementChild as HTMLElement).style.clipPath = `inset(0 ${missing * 100}% 0 0)`;
  meter.setAttribute("aria-valuenow", level.toFixed(1));
  meter.setAttribute("aria-valuetext", level <= QUIETEST_DB ? "silence" : `${signed(level, 0)} dB`);
}
