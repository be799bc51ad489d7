import { type PointerEvent, useRef, useState } from "react";
import type { FrequencyAxis } from "../sound/mel";
import type { Band } from "../sound/settings";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import "./bandLayer.css";

const DRAG_PX = 4;

type Props = { frequencies: FrequencyAxis; highestHz: number };

/** Shades what is not played. A drag along the frequency axis chooses the band that is; a click there plays everything. */
export function BandLayer({ frequencies, highestHz }: Props) {
  const { transport } = useTimeAxis();
  const { band } = useStore(transport.sound);
  const from = useRef<{ y: number; hertz: number } | null>(null);
  const [dragged, setDragged] = useState<Band | null>(null);
  const shown = dragged ?? band;
  const hertzAt = (event: PointerEvent<HTMLElement>) => {
    const { top, height } = event.currentTarget.getBoundingClientRect();
    return frequencies.hertzAt(1 - (event.clientY - top) / height);
  };
  const end = () => {
    from.current = null;
    setDragged(null);
  };
  return (
    <>
      {shown ? <Shades frequencies={frequencies} band={shown} highestHz={highestHz} /> : null}
      <div
        className="band__axis"
        data-own-drag
        aria-hidden="true"
        title="Drag along the frequencies to play only these"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          from.current = { y: event.clientY, hertz: hertzAt(event) };
        }}
        onPointerMove={(event) => {
          const start = from.current;
          if (!start || (!dragged && Math.abs(event.clientY - start.y) < DRAG_PX)) return;
          const to = hertzAt(event);
          setDragged({ lowHz: Math.min(start.hertz, to), highHz: Math.max(start.hertz, to) });
        }}
        onPointerUp={() => {
          if (from.current) transport.setSound({ band: dragged });
          end();
        }}
        onPointerCancel={end}
      />
    </>
  );
}

function Shades({ frequencies, band: { lowHz, highHz }, highestHz }: Props & { band: Band }) {
  const above = `${(1 - frequencies.heightOf(Math.min(highHz, highestHz))) * 100}%`;
  const below = `${frequencies.heightOf(lowHz) * 100}%`;
  return (
    <>
      <div className="band__shade band__shade--above" style={{ height: above }} aria-hidden="true" />
      <div className="band__shade band__shade--below" style={{ height: below }} aria-hidden="true" />
    </>
  );
}
