import { type CSSProperties, useCallback, useMemo, useRef } from "react";
import type { Stem } from "../api/client";
import { useStore } from "../sound/store";
import { toTime, toX } from "../sound/view";
import { useDrawing, useSize } from "../ui/canvas";
import { useTimeAxis } from "../sound/timeAxis";
import { useToken } from "../ui/theme";
import { Slider, Skeleton } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { downloadName, signed } from "../ui/format";
import { type Channel, LOUDEST_DB, outline, QUIETEST_DB } from "./mix";

const POINTS_PER_S = 200;
const MOST_POINTS = 60_000;
const KNOWN = new Set(["vocals", "drums", "bass", "other", "guitar", "piano"]);

type Props = {
  /** The recording's file name. */
  recording: string;
  stem: Stem;
  /** The highest peak of all stems, which share one scale. */
  loudest: number;
  buffer: AudioBuffer | undefined;
  channel: Channel;
  silent: boolean;
  without: string | null;
  onChange: (change: Partial<Channel>) => void;
};

export function StemRow({ recording, stem, loudest, buffer, channel, silent, without, onChange }: Props) {
  const { name } = stem;
  const token = `--${KNOWN.has(name) ? name : "other"}`;
  return (
    <li
      className={`stem ${silent ? "stem--silent" : ""}`}
      style={{ "--stem": `var(${token})` } as CSSProperties}
      onKeyDown={(event) => {
        if (event.key === "m") onChange({ muted: !channel.muted });
        if (event.key === "s") onChange({ solo: !channel.solo });
      }}
    >
      <span className="stem__name">{name}</span>
      <div className="stem__switches">
        <Switch letter="M" label={`Mute ${name}`} on={channel.muted} onChange={(muted) => onChange({ muted })} />
        <Switch letter="S" label={`Solo ${name}`} on={channel.solo} onChange={(solo) => onChange({ solo })} />
      </div>
      <div className="stem__sliders">
        <Slider
          label="gain"
          min={QUIETEST_DB}
          max={LOUDEST_DB}
          step={0.5}
          value={channel.gainDb}
          valueText={channel.gainDb <= QUIETEST_DB ? "silence" : `${signed(channel.gainDb, 1)} dB`}
          onChange={(gainDb) => onChange({ gainDb })}
        />
        <Slider
          label="pan"
          min={-1}
          max={1}
          step={0.05}
          value={channel.pan}
          valueText={panText(channel.pan)}
          onChange={(pan) => onChange({ pan })}
        />
      </div>
      <StemWave buffer={buffer} loudest={loudest} name={name} token={token} />
      <a className="button button--plain" href={stem.audio.url} download={downloadName(recording, stem.audio.name)} aria-label={`Download ${name}`} title={`Download ${name}`}>
        <Icon name="download" />
      </a>
      {without ? <span className="stem__without small quiet">{without}</span> : null}
    </li>
  );
}

function Switch({ letter, label, on, onChange }: { letter: string; label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" className="switch" aria-label={label} title={label} aria-pressed={on} onClick={() => onChange(!on)}>
      {letter}
    </button>
  );
}

type WaveProps = { buffer: AudioBuffer | undefined; loudest: number; name: string; token: string };

/** A stem's outline on the page's time axis. */
function StemWave({ buffer, loudest, name, token }: WaveProps) {
  const { transport, view } = useTimeAxis();
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colour = useToken(token);
  const shape = useMemo(() => {
    if (!buffer) return null;
    const points = Math.min(MOST_POINTS, Math.ceil(buffer.duration * POINTS_PER_S));
    return { ...outline(buffer.getChannelData(0), points), points, durationS: buffer.duration };
  }, [buffer]);
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
    <div
      ref={box}
      className="stem__wave"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        const left = event.currentTarget.getBoundingClientRect().left;
        transport.seek(toTime(event.clientX - left, view, size.width));
      }}
    >
      <canvas ref={canvas} role="img" aria-label={`Waveform of ${name}`} />
      {buffer ? <Needle width={size.width} /> : <Skeleton height="100%" />}
    </div>
  );
}

function Needle({ width }: { width: number }) {
  const { transport, view } = useTimeAxis();
  const x = toX(useStore(transport.time), view, width);
  return x < 0 || x > width ? null : <div className="playhead" style={{ transform: `translateX(${x}px)` }} aria-hidden="true" />;
}

function panText(pan: number): string {
  if (Math.abs(pan) < 0.01) return "middle";
  return `${Math.round(Math.abs(pan) * 100)} % ${pan < 0 ? "left" : "right"}`;
}
