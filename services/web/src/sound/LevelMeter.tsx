import { useEffect, useRef } from "react";
import { signed } from "../ui/format";
import "./level.css";
import { SILENCE_DB } from "./level";

type Props = { label: string; /** The level now in dBFS; null while nothing sounds. */ level: (() => number) | null };

/** A level, drawn with every frame. */
export function LevelMeter({ label, level }: Props) {
  const meter = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!level) return;
    let frame = requestAnimationFrame(function show() {
      draw(meter.current, level());
      frame = requestAnimationFrame(show);
    });
    return () => {
      cancelAnimationFrame(frame);
      draw(meter.current, SILENCE_DB);
    };
  }, [level]);
  return (
    <div ref={meter} className="meter" role="meter" aria-label={label} aria-valuemin={SILENCE_DB} aria-valuemax={0} aria-valuenow={SILENCE_DB}>
      <div />
    </div>
  );
}

function draw(meter: HTMLDivElement | null, level: number): void {
  if (!meter) return;
  const missing = Math.min(0, level) / SILENCE_DB;
  (meter.firstElementChild as HTMLElement).style.clipPath = `inset(0 ${missing * 100}% 0 0)`;
  meter.setAttribute("aria-valuenow", level.toFixed(1));
  meter.setAttribute("aria-valuetext", level <= SILENCE_DB ? "silence" : `${signed(level, 0)} dB`);
}
