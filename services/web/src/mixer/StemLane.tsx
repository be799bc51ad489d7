import { useCallback, useMemo, useRef } from "react";
import { Lane } from "../sound/Lane";
import { useTimeAxis } from "../sound/timeAxis";
import { toTime } from "../sound/view";
import { useDrawing, useSize } from "../ui/canvas";
import { Skeleton } from "../ui/controls";
import { useToken } from "../ui/theme";
import { outline } from "./mix";

const POINTS_PER_S = 200;
const MOST_POINTS = 60_000;

type Props = { buffer: AudioBuffer | undefined; loudest: number; name: string; token: string };

/** A stem's outline on the page's time axis, as wide as the plots above. */
export function StemLane({ buffer, loudest, name, token }: Props) {
  const { view } = useTimeAxis();
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colour = useToken(token);
  const coarse = useMemo(() => {
    if (!buffer) return null;
    const points = Math.min(MOST_POINTS, Math.ceil(buffer.duration * POINTS_PER_S));
    return { ...outline(buffer.getChannelData(0), points), points, durationS: buffer.duration };
  }, [buffer]);
  const shape = useMemo(() => {
    const pixelS = (view.endS - view.startS) / Math.max(1, size.width);
    if (!buffer || !coarse || pixelS > coarse.durationS / coarse.points) return coarse;
    const samples = buffer.getChannelData(0);
    return { low: samples, high: samples, points: samples.length, durationS: buffer.duration };
  }, [buffer, coarse, view, size.width]);
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (!shape) return;
      context.fillStyle = colour;
      const middle = size.height / 2;
      const scale = (0.95 * middle) / loudest;
      for (let x = 0; x < size.width; x += 1) {
        const [from, to] = [x, x + 1].map((edge) => Math.floor((toTime(edge, view, size.width) / shape.durationS) * shape.points));
        let [low, high] = [0, 0];
        for (let at = from ?? 0; at < Math.max((from ?? 0) + 1, to ?? 0); at += 1) {
          low = Math.min(low, shape.low[at] ?? 0);
          high = Math.max(high, shape.high[at] ?? 0);
        }
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
