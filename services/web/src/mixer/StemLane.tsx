import { useCallback, useMemo, useRef } from "react";
import { Lane } from "../sound/Lane";
import { useTimeAxis } from "../sound/timeAxis";
import { toTime } from "../sound/view";
import { useDrawing, useSize } from "../ui/canvas";
import { Skeleton } from "../ui/controls";
import { useToken } from "../ui/theme";
import { extremesOf, outline, outlineOfSamples } from "./outline";

const POINTS_PER_S = 200;
const MOST_POINTS = 60_000;

type Props = { buffer: AudioBuffer | undefined; loudest: number; name: string; token: string };

/** The outline of a stem's channels, one over the other, on the page's time axis, as wide as the plots above. */
export function StemLane({ buffer, loudest, name, token }: Props) {
  const { view } = useTimeAxis();
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colour = useToken(token);
  const coarse = useMemo(() => buffer && outline(buffer, Math.min(MOST_POINTS, Math.ceil(buffer.duration * POINTS_PER_S))), [buffer]);
  const shape = useMemo(() => {
    const pixelS = (view.endS - view.startS) / Math.max(1, size.width);
    if (!buffer || !coarse || pixelS > coarse.durationS / coarse.points) return coarse;
    return outlineOfSamples(buffer);
  }, [buffer, coarse, view, size.width]);
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (!shape) return;
      context.fillStyle = colour;
      const middle = size.height / 2;
      const scale = (0.95 * middle) / loudest;
      for (let x = 0; x < size.width; x += 1) {
        const [from, to] = [x, x + 1].map((edge) => Math.floor((toTime(edge, view, size.width) / shape.durationS) * shape.points)) as [number, number];
        const [low, high] = extremesOf(shape, from, Math.max(from + 1, to));
        context.fillRect(x, middle - high * scale, 1, Math.max(1, (high - low) * scale));
      }
    },
    [shape, view, size, colour, loudest],
  );
  useDrawing(canvas, size, draw);
  return (
    <Lane className="stem__lane" box={box}>
      <canvas ref={canvas} role="img" aria-label={`Waveform of ${name}`} />
      {buffer ? null : <Skeleton height="100%" />}
    </Lane>
  );
}
