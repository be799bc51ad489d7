import { useCallback, useRef } from "react";
import { errorText } from "../api/problem";
import { extremes, linePoints, type OutlineTile } from "../sound/outline";
import { itemS, type Levels, type Part } from "../sound/tiles";
import { useTimeAxis } from "../sound/timeAxis";
import { toX, type View } from "../sound/view";
import { useDrawing, useSize } from "../ui/canvas";
import { ErrorNote, Skeleton } from "../ui/controls";
import { signed } from "../ui/format";
import { useToken } from "../ui/theme";
import { useOutline } from "./tiles";

// From here on samples are joined by a line, and further in each has a dot.
const LINE_PX = 2;
const DOT_PX = 6;
const ROOM = 0.96;

/** The recording's outline at the resolution of the view, down to its samples. */
export function Waveform({ trackId }: { trackId: string }) {
  const { durationS, view } = useTimeAxis();
  const { levels, drawn, loading, problem } = useOutline(trackId);
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colour = useToken("--wave");
  const peak = levels?.peak ?? 0;
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (!levels) return;
      context.fillStyle = colour;
      context.strokeStyle = colour;
      const picture = { context, levels, drawn, view, scale: ROOM / (peak || 1), ...size };
      const samplePx = (size.width / (view.endS - view.startS)) * itemS(levels, 0);
      if (drawn.every(({ level }) => level === 0) && samplePx >= LINE_PX) drawLine(picture, samplePx);
      else drawColumns(picture);
    },
    [levels, drawn, view, size, colour, peak],
  );
  useDrawing(canvas, size, draw);
  const text = `Waveform of ${durationS.toFixed(1)} seconds, peak ${peak ? signed(20 * Math.log10(peak), 1) : "−∞"} dBFS`;
  return (
    <div className="plot plot--wave" ref={box} aria-busy={loading && !problem}>
      <canvas ref={canvas} className="wave" role="img" aria-label={text} />
      {drawn.length || problem ? null : <Skeleton height="100%" />}
      {problem ? <ErrorNote>{errorText(problem)}</ErrorNote> : null}
    </div>
  );
}

type Picture = {
  context: CanvasRenderingContext2D;
  levels: Levels;
  drawn: readonly Part<OutlineTile>[];
  view: View;
  scale: number;
  width: number;
  height: number;
};

/** A column of device pixels from its lowest to its highest value, joined to the one before. */
function drawColumns({ context, levels, drawn, view, scale, width, height }: Picture): void {
  const ratio = context.getTransform().a;
  const { low, high } = extremes(levels, drawn, view, Math.round(width * ratio));
  const least = 1 / ratio;
  let [lowBefore, highBefore] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let column = 0; column < low.length; column += 1) {
    const [lowest, highest] = [low[column] ?? 0, high[column] ?? 0];
    if (lowest > highest) continue;
    const top = (1 - Math.max(highest, lowBefore) * scale) * (height / 2);
    const bottom = (1 - Math.min(lowest, highBefore) * scale) * (height / 2);
    context.fillRect(column / ratio, Math.min(top, bottom - least), least, Math.max(least, bottom - top));
    [lowBefore, highBefore] = [lowest, highest];
  }
}

function drawLine({ context, levels, drawn, view, scale, width, height }: Picture, samplePx: number): void {
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.beginPath();
  const points = linePoints(levels, drawn, view).map(([timeS, value]): [number, number] => [
    toX(timeS, view, width),
    (1 - value * scale) * (height / 2),
  ]);
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
  if (samplePx < DOT_PX) return;
  for (const [x, y] of points) context.fillRect(x - 1.5, y - 1.5, 3, 3);
}
