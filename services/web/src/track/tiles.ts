import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { fetchWithKey, type SpectrogramLevels, type WaveformLevels } from "../api/client";
import { readNpy } from "../sound/arrays";
import type { OutlineTile } from "../sound/outline";
import { type Levels, levelFor, type Part, parts, TileCache, type TileName, tilesIn, windowFor } from "../sound/tiles";
import { useTimeAxis } from "../sound/timeAxis";
import { type Frames, windowOf } from "../sound/look";
import { useTrackState } from "../state/TrackStateProvider";
import { measured } from "./queries";

// A view that moves is drawn from what is there; its tiles are asked for once it rests.
const REST_MS = 80;
const WAVEFORM = { mostPx: 1, tiles: 160, window: undefined };
const SPECTROGRAM = { mostPx: 2, tiles: 96 };
// Frames are shorter the finer a level is below those that are kept.
const FRAMES: Partial<Record<Frames, { mostPx?: number; kept?: boolean }>> = { longest: { kept: true }, shorter: { mostPx: 0.5 } };

/** A tile's levels, 0 to 255, the lowest band in the last row. */
export type SpectrogramTile = { levels: Uint8Array; columns: number; rows: number };

export function useOutline(id: string) {
  return useTiles<WaveformLevels, OutlineTile>(id, "waveform", WAVEFORM, async (answer) => {
    return readNpy(new Uint8Array(await answer.arrayBuffer())).values;
  });
}

export function useSpectrogram(id: string, frames: Frames = "by zoom") {
  const resolution = { ...SPECTROGRAM, ...FRAMES[frames], window: windowOf(frames) };
  return useTiles<SpectrogramLevels, SpectrogramTile>(id, "spectrogram", resolution, async (answer) => levelsOf(await answer.blob()));
}

/** At which resolutions a picture can be read, and how far its recording can be decoded. */
export function useLevels<Facts>(id: string, name: "waveform" | "spectrogram") {
  const { audioTrack } = useTrackState();
  return useQuery({
    queryKey: [name, id, audioTrack],
    queryFn: ({ signal }) => measured<Facts>(`/v1/tracks/${id}/${name}/levels?${audioTrackQuery(audioTrack)}`, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function audioTrackQuery(audioTrack: number | null): string {
  return audioTrack === null ? "" : `audio_track=${audioTrack}`;
}

/** The resolutions of a picture, and what the view is drawn from now. */
function useTiles<Facts extends Levels & { version: string }, Tile>(
  id: string,
  name: "waveform" | "spectrogram",
  { mostPx, tiles, kept = false, window }: { mostPx: number; tiles: number; kept?: boolean; window: number | undefined },
  decode: (answer: Response) => Promise<Tile>,
) {
  const { audioTrack } = useTrackState();
  const { view, width } = useTimeAxis();
  const audio = audioTrackQuery(audioTrack);
  const { data: levels, error } = useLevels<Facts>(id, name);
  const decoded = useRef(decode);
  const cache = useMemo(() => {
    if (!levels) return null;
    const load = async (tile: TileName, signal: AbortSignal) => {
      const chosen = windowFor(levels, tile, window);
      const query = new URLSearchParams({ version: levels.version, ...(chosen && { window: String(chosen) }) });
      return decoded.current(await fetchWithKey(`/v1/tracks/${id}/${name}/tiles/${tile.level}/${tile.number}?${query}&${audio}`, { signal }));
    };
    return new TileCache<Tile>(load, tiles);
  }, [levels, id, name, audio, tiles, window]);
  const [loaded, setLoaded] = useState(0);
  useEffect(() => {
    if (!cache) return;
    cache.onChange = () => setLoaded((count) => count + 1);
    return () => cache.close();
  }, [cache]);
  const ratio = globalThis.devicePixelRatio || 1;
  const wanted = useMemo(
    () => (levels && width ? tilesIn(levels, Math.max(levelFor(levels, view, width * ratio, mostPx), kept ? levels.kept_level : 0), view) : []),
    [levels, view, width, ratio, mostPx, kept],
  );
  useEffect(() => {
    if (!cache || !levels || !wanted.length) return;
    const whole = tilesIn(levels, levels.levels.at(-1)?.level ?? 0, { startS: 0, endS: levels.samples / levels.sample_rate_hz });
    const timer = setTimeout(() => cache.want([...whole, ...wanted]), cache.size ? REST_MS : 0);
    return () => clearTimeout(timer);
  }, [cache, levels, wanted]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn changes when a tile was loaded
  const drawn = useMemo((): Part<Tile>[] => (levels && cache ? parts(levels, wanted, cache.get) : []), [levels, cache, wanted, loaded]);
  const isDrawn = ({ level, number }: TileName) => drawn.some((part) => part.level === level && part.number === number);
  const loading = !levels || wanted.length === 0 || wanted.some((name) => !isDrawn(name) && !cache?.hasFailed(name));
  const windowed = levels !== undefined && window !== undefined && wanted.every((name) => windowFor(levels, name, window));
  return { levels, drawn, loading, windowed, problem: error ?? (drawn.length ? null : cache?.problem) };
}

async function levelsOf(picture: Blob): Promise<SpectrogramTile> {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  const { width: columns, height: rows } = bitmap;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser cannot draw");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, columns, rows);
  const levels = new Uint8Array(columns * rows);
  for (let at = 0; at < levels.length; at += 1) levels[at] = data[at * 4] ?? 0;
  return { levels, columns, rows };
}
