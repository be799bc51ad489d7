import { type PointerEvent, useCallback, useMemo, useRef, useState } from "react";
import { evidencePalette, spectrogramPalette } from "../sound/colours";
import { heightOf, hertzAt, resampledRows } from "../sound/mel";
import { toTime, toX } from "../sound/view";
import { ErrorNote, Skeleton } from "../ui/controls";
import { band, hertz, signed, time } from "../ui/format";
import { errorText } from "../api/problem";
import { announce } from "../ui/live";
import { painted, useDrawing, useSize } from "../ui/canvas";
import { useTimeAxis } from "../sound/timeAxis";
import { type Spectrogram, useArrays, useSpectrogram } from "./queries";
import type { ResultOf } from "../state/results";

const MARKS_HZ = [50, 100, 200, 500, 1_000, 2_000, 4_000, 8_000, 16_000];
const MARK_APART = 0.07;

type Spot = { timeS: number; height: number };
type Props = { trackId: string; explained: ResultOf<"explain"> | null; opacity: number };

/** The mel spectrogram with the evidence over it, and a crosshair that reads time, frequency and level. */
export function SpectrogramPlot({ trackId, explained, opacity }: Props) {
  const axis = useTimeAxis();
  const found = useSpectrogram(trackId, axis.durationS);
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [spot, setSpot] = useState<Spot | null>(null);
  const spectrogram = found.data;
  const { picture: evidence, problem } = useEvidence(spectrogram, explained, opacity > 0);
  const greyness = evidence ? Math.min(1, 1.5 * opacity) : 0;
  const picture = useMemo(
    () => spectrogram && painted(spectrogram.levels, spectrogram.columns, spectrogram.rows, spectrogramPalette(greyness)),
    [spectrogram, greyness],
  );
  const { view } = axis;
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (!picture || !spectrogram) return;
      drawPart(context, picture, 0, spectrogram.axes.duration_s, view, size);
      if (!evidence || !explained) return;
      context.globalAlpha = opacity;
      drawPart(context, evidence, explained.start_s, explained.end_s, view, size);
    },
    [picture, spectrogram, evidence, explained, opacity, view, size],
  );
  useDrawing(canvas, size, draw);
  if (found.isError) return <ErrorNote>{errorText(found.error)}</ErrorNote>;
  const spotAt = (event: PointerEvent<HTMLElement>): Spot => {
    const area = event.currentTarget.getBoundingClientRect();
    return {
      timeS: toTime(event.clientX - area.left, axis.view, area.width),
      height: 1 - (event.clientY - area.top) / area.height,
    };
  };
  return (
    <div
      ref={box}
      className="plot plot--spectrogram"
      onPointerMove={(event) => setSpot(spotAt(event))}
      onPointerLeave={() => setSpot(null)}
      tabIndex={0}
      role="group"
      aria-label="Spectrogram; the up and down keys read its level at the playhead"
      onBlur={() => setSpot(null)}
      onKeyDown={(event) => {
        const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        if (!step || !spectrogram) return;
        event.preventDefault();
        const height = Math.min(1, Math.max(0, (spot?.height ?? 0.5) + step / spectrogram.rows));
        const next = { timeS: axis.transport.time.get(), height };
        setSpot(next);
        announce(reading(spectrogram, next));
      }}
    >
      <canvas ref={canvas} role="img" aria-label={spectrogram ? description(spectrogram, explained, opacity) : "Spectrogram"} />
      {spectrogram ? <Marks edgesHz={spectrogram.axes.edge_hz} /> : <Skeleton height="100%" />}
      {problem ? <ErrorNote>The evidence cannot be shown. {problem}</ErrorNote> : null}
      {spectrogram && spot ? <Crosshair spectrogram={spectrogram} spot={spot} size={size} /> : null}
    </div>
  );
}

/** The heatmap resampled to the spectrogram's rows, in amber. */
function useEvidence(spectrogram: Spectrogram | undefined, explained: ResultOf<"explain"> | null, wanted: boolean) {
  const { data: arrays, error } = useArrays(explained?.heatmap, wanted);
  const picture = useMemo(() => {
    const heat = arrays?.get("heatmap");
    const heatHz = arrays?.get("hertz");
    if (!spectrogram || !heat || !heatHz || !wanted) return null;
    const columns = heat.shape[1] ?? 0;
    const { centre_hz } = spectrogram.axes;
    const rows = resampledRows(heat.values, columns, heatHz.values, [...centre_hz].reverse());
    return painted(rows.map((value) => Math.round(Math.min(1, Math.max(0, value)) * 255)), columns, centre_hz.length, evidencePalette());
  }, [arrays, spectrogram, wanted]);
  return { picture, problem: error ? errorText(error) : null };
}

function drawPart(
  context: CanvasRenderingContext2D,
  picture: OffscreenCanvas,
  startS: number,
  endS: number,
  view: { startS: number; endS: number },
  { width, height }: { width: number; height: number },
): void {
  const left = toX(startS, view, width);
  const right = toX(endS, view, width);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, picture.width, picture.height, left, 0, right - left, height);
}

function Marks({ edgesHz }: { edgesHz: readonly number[] }) {
  const marks = useMemo(() => {
    const found: { hz: number; height: number }[] = [];
    for (const hz of [...MARKS_HZ].reverse()) {
      const height = heightOf(hz, edgesHz);
      const above = found.at(-1)?.height ?? 1.1;
      if (height > 0.02 && height < 0.98 && above - height >= MARK_APART) found.push({ hz, height });
    }
    return found;
  }, [edgesHz]);
  return (
    <div className="marks" aria-hidden="true">
      {marks.map(({ hz, height }) => (
        <span key={hz} style={{ top: `${(1 - height) * 100}%` }}>
          {hz < 1_000 ? hz : `${hz / 1_000}k`}
        </span>
      ))}
    </div>
  );
}

function Crosshair({ spectrogram, spot, size }: { spectrogram: Spectrogram; spot: Spot; size: { width: number; height: number } }) {
  const { view } = useTimeAxis();
  const x = toX(spot.timeS, view, size.width);
  const y = (1 - spot.height) * size.height;
  const side = x > size.width / 2 ? "crosshair__read--left" : "";
  return (
    <div className="crosshair" aria-hidden="true">
      <div className="crosshair__x" style={{ left: x }} />
      <div className="crosshair__y" style={{ top: y }} />
      <output className={`crosshair__read ${side}`} style={{ left: x, top: Math.min(y, size.height - 32) }}>
        {reading(spectrogram, spot)}
      </output>
    </div>
  );
}

/** Time, frequency and level of a spot, as text. */
function reading({ axes, levels, columns, rows }: Spectrogram, { timeS, height }: Spot): string {
  const column = Math.min(columns - 1, Math.max(0, Math.floor((timeS / axes.duration_s) * columns)));
  const row = Math.min(rows - 1, Math.max(0, Math.floor((1 - height) * rows)));
  const level = levels[row * columns + column] ?? 0;
  const decibels = axes.floor_dbfs + (level / 255) * (axes.ceiling_dbfs - axes.floor_dbfs);
  const loud = level === 0 ? `≤ ${signed(axes.floor_dbfs, 0)}` : signed(decibels, 0);
  return `${time(timeS, 2)} · ${hertz(hertzAt(height, axes.edge_hz))} · ${loud} dB`;
}

function description({ axes }: Spectrogram, explained: ResultOf<"explain"> | null, opacity: number): string {
  const range = band(axes.edge_hz[0] ?? 0, axes.edge_hz.at(-1) ?? 0);
  const about = `Mel spectrogram, ${range}, loudest spot ${signed(axes.ceiling_dbfs, 0)} dBFS.`;
  return explained && opacity > 0 ? `${about} ${explained.reading.replaceAll("*", "")}` : about;
}
