import { type PointerEvent, useCallback, useMemo, useRef, useState } from "react";
import { colourOf, evidencePalette, lightness, spectrogramPalette } from "../sound/colours";
import { type Look, look as lookStore, windowOf } from "../sound/look";
import { bandOf, bandRows, type FrequencyAxis, frequencyAxis, resampledRows, rowsHz } from "../sound/mel";
import { useStore } from "../sound/store";
import { toTime, toX } from "../sound/view";
import { ErrorNote, Skeleton } from "../ui/controls";
import { band, hertz, signed, time } from "../ui/format";
import { errorText } from "../api/problem";
import { announce } from "../ui/live";
import type { SpectrogramLevels } from "../api/client";
import { hasDetail, itemS, type Part } from "../sound/tiles";
import { painted, useDrawing, useSize } from "../ui/canvas";
import { useTimeAxis } from "../sound/timeAxis";
import { BandLayer } from "./BandLayer";
import { useArrays } from "./queries";
import "./spectrogramPlot.css";
import { type SpectrogramTile, useSpectrogram } from "./tiles";
import type { ResultOf } from "../state/results";

const MARKS_HZ = [50, 100, 200, 500, 1_000, 2_000, 4_000, 8_000, 16_000];
const MARK_APART = 0.07;

const SCALES = { mel: "Mel", linear: "Linear", log: "Logarithmic" } as const;
// Rows of a picture that is not drawn on the bands' own scale.
const ROWS = 512;

type Spectrogram = { levels: SpectrogramLevels; drawn: readonly Part<SpectrogramTile>[]; frequencies: FrequencyAxis };
type Spot = { timeS: number; height: number };
type Props = {
  trackId: string;
  explained: ResultOf<"explain"> | null;
  opacity: number;
  /** Whether a band can be chosen that is played alone: where the page tells that it is. */
  banded?: boolean;
};

/** The spectrogram with the evidence over it, and a crosshair that reads time, frequency and level. */
export function SpectrogramPlot({ trackId, explained, opacity, banded = false }: Props) {
  const axis = useTimeAxis();
  const look = useStore(lookStore);
  const { levels, drawn, loading, windowed, problem: unread } = useSpectrogram(trackId, look.frames);
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [spot, setSpot] = useState<Spot | null>(null);
  const frequencies = useMemo(() => levels && frequencyAxis(levels.edge_hz, look.scale), [levels, look.scale]);
  const rows = useMemo(() => levels && frequencies && rowsOf(levels, frequencies, look), [levels, frequencies, look]);
  const spectrogram = useMemo(() => levels && frequencies && { levels, drawn, frequencies }, [levels, drawn, frequencies]);
  const { picture: evidence, problem } = useEvidence(rows, explained, opacity > 0);
  const greyness = evidence ? Math.min(1, 1.5 * opacity) : 0;
  const paint = useMemo(
    () => levels && rows && paintsIn(scaled(levels, spectrogramPalette(greyness, look.colours, look.inverted), look), rows),
    [levels, rows, greyness, look],
  );
  const ground = colourOf(look.colours, look.inverted ? 1 : 0);
  const { view } = axis;
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (!levels || !paint) return;
      for (const part of drawn) drawTile(context, levels, part, paint(part.tile), view, size);
      if (!evidence || !explained) return;
      context.globalAlpha = opacity;
      drawPart(context, evidence, explained.start_s, explained.end_s, view, size);
    },
    [levels, drawn, paint, evidence, explained, opacity, view, size],
  );
  useDrawing(canvas, size, draw);
  if (unread) return <ErrorNote>{errorText(unread)}</ErrorNote>;
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
      className={`plot plot--spectrogram ${lightness(ground) > 0.5 ? "plot--light" : ""}`}
      style={{ background: `rgb(${ground.join()})` }}
      aria-busy={loading}
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
        const height = Math.min(1, Math.max(0, (spot?.height ?? 0.5) + step / spectrogram.levels.centre_hz.length));
        const next = { timeS: axis.transport.time.get(), height };
        setSpot(next);
        announce(reading(spectrogram, next));
      }}
    >
      <canvas ref={canvas} role="img" aria-label={spectrogram ? description(spectrogram.levels, look, windowed, explained, opacity) : "Spectrogram"} />
      {banded && levels && frequencies ? <BandLayer frequencies={frequencies} highestHz={levels.edge_hz.at(-1) ?? 0} /> : null}
      {frequencies ? <Marks frequencies={frequencies} /> : null}
      {drawn.length ? null : <Skeleton height="100%" />}
      {windowOf(look.frames) && levels && !windowed ? (
        <p className="note small" role="status">
          No window of {look.frames} samples here{levels.windows.length && hasDetail(levels, view) ? ": come closer" : ": the recording cannot be decoded again"}.
        </p>
      ) : null}
      {problem ? <ErrorNote>The evidence cannot be shown. {problem}</ErrorNote> : null}
      {spectrogram && spot ? <Crosshair spectrogram={spectrogram} spot={spot} size={size} /> : null}
    </div>
  );
}

/** What each row of the picture shows: its frequency, and its row in a tile. */
type Rows = { hertz: readonly number[]; bands: readonly number[]; plain: boolean };

function rowsOf({ centre_hz, edge_hz }: SpectrogramLevels, frequencies: FrequencyAxis, { scale }: Look): Rows {
  const plain = scale === "mel";
  const hertz = plain ? [...centre_hz].reverse() : rowsHz(frequencies, ROWS);
  return { hertz, bands: bandRows(hertz, edge_hz), plain };
}

/** The heatmap resampled to the spectrogram's rows, in amber. */
function useEvidence(rows: Rows | undefined, explained: ResultOf<"explain"> | null, wanted: boolean) {
  const { data: arrays, error } = useArrays(explained?.heatmap, wanted);
  const picture = useMemo(() => {
    const heat = arrays?.get("heatmap");
    const heatHz = arrays?.get("hertz");
    if (!rows || !heat || !heatHz || !wanted) return null;
    const columns = heat.shape[1] ?? 0;
    const values = resampledRows(heat.values, columns, heatHz.values, rows.hertz);
    return painted(values.map((value) => Math.round(Math.min(1, Math.max(0, value)) * 255)), columns, rows.hertz.length, evidencePalette());
  }, [arrays, rows, wanted]);
  return { picture, problem: error ? errorText(error) : null };
}

/** A palette's colours for a tile's levels, from the quietest to the loudest that the look tells apart. */
function scaled({ loudest_dbfs, lowest_dbfs, step_db }: SpectrogramLevels, palette: Uint32Array, { topDb, rangeDb }: Look): Uint32Array {
  const ceiling = loudest_dbfs + topDb;
  const floor = Math.max(lowest_dbfs, ceiling - rangeDb);
  return palette.map((_, level) => {
    const share = (lowest_dbfs + level * step_db - floor) / Math.max(1, ceiling - floor);
    return palette[Math.round(255 * Math.min(1, Math.max(0, share)))] ?? 0;
  });
}

/** Paints the rows of tiles in the colours of a palette, each tile once. */
function paintsIn(palette: Uint32Array, rows: Rows): (tile: SpectrogramTile) => OffscreenCanvas {
  const made = new WeakMap<SpectrogramTile, OffscreenCanvas>();
  return (tile) => {
    const found = made.get(tile) ?? painted(onRows(tile, rows), tile.columns, rows.bands.length, palette);
    made.set(tile, found);
    return found;
  };
}

function onRows({ levels, columns }: SpectrogramTile, { bands, plain }: Rows): Uint8Array {
  if (plain) return levels;
  const made = new Uint8Array(bands.length * columns);
  bands.forEach((band, row) => {
    made.set(levels.subarray(band * columns, (band + 1) * columns), row * columns);
  });
  return made;
}

/** The part of a tile that is in view and that no finer tile is there for. */
function drawTile(
  context: CanvasRenderingContext2D,
  levels: SpectrogramLevels,
  { level, number, startS, endS }: Part<SpectrogramTile>,
  picture: OffscreenCanvas,
  view: { startS: number; endS: number },
  size: { width: number; height: number },
): void {
  const columnS = itemS(levels, level);
  const originS = number * levels.tile_items * columnS;
  const [fromS, toS] = [Math.max(startS, view.startS), Math.min(endS, view.endS, originS + picture.width * columnS)];
  if (toS <= fromS) return;
  // Between device pixels the ground would shine through where tiles meet.
  const ratio = context.getTransform().a;
  const [left, right] = [fromS, toS].map((at) => Math.round(toX(at, view, size.width) * ratio) / ratio) as [number, number];
  const source = [(fromS - originS) / columnS, 0, (toS - fromS) / columnS, picture.height] as const;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, ...source, left, 0, right - left, size.height);
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

function Marks({ frequencies }: { frequencies: FrequencyAxis }) {
  const marks = useMemo(() => {
    const found: { hz: number; height: number }[] = [];
    for (const hz of [...MARKS_HZ].reverse()) {
      const height = frequencies.heightOf(hz);
      const above = found.at(-1)?.height ?? 1.1;
      if (height > 0.02 && height < 0.98 && above - height >= MARK_APART) found.push({ hz, height });
    }
    return found;
  }, [frequencies]);
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
function reading({ levels, drawn, frequencies }: Spectrogram, { timeS, height }: Spot): string {
  const hz = frequencies.hertzAt(height);
  const at = `${time(timeS, 2)} · ${hertz(hz)}`;
  const part = drawn.find(({ startS, endS }) => timeS >= startS && timeS < endS);
  if (!part) return at;
  const { columns, rows, levels: values } = part.tile;
  const column = Math.floor(timeS / itemS(levels, part.level)) - part.number * levels.tile_items;
  const row = Math.min(rows - 1, Math.max(0, rows - 1 - bandOf(hz, levels.edge_hz)));
  const level = values[row * columns + Math.min(columns - 1, Math.max(0, column))] ?? 0;
  const loud = level === 0 ? `≤ ${signed(levels.lowest_dbfs, 0)}` : signed(levels.lowest_dbfs + level * levels.step_db, 0);
  return `${at} · ${loud} dB`;
}

function description({ edge_hz, loudest_dbfs }: SpectrogramLevels, { scale, frames }: Look, windowed: boolean, explained: ResultOf<"explain"> | null, opacity: number): string {
  const range = band(edge_hz[0] ?? 0, edge_hz.at(-1) ?? 0);
  const about = `${SCALES[scale]} spectrogram, ${range}${windowed ? `, window of ${frames} samples` : ""}, loudest spot ${signed(loudest_dbfs, 0)} dBFS.`;
  return explained && opacity > 0 ? `${about} ${explained.reading.replaceAll("*", "")}` : about;
}
