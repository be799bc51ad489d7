import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type ArtifactLink, fetchArtifact, fetchWithKey, type Job, type Peaks, type SpectrogramAxes } from "../api/client";
import { watchJob } from "../api/watch";
import { readNpz } from "../sound/arrays";

const PEAKS = 4_000;
const BANDS = 128;
const COLUMNS_PER_S = 100;
const FEWEST_COLUMNS = 1_000;
const MOST_COLUMNS = 4_000;

/** A picture's levels, 0 to 255, the lowest band in the last row, and how to read them. */
export type Spectrogram = { axes: SpectrogramAxes; levels: Uint8Array; columns: number; rows: number };

/** The recording as an address that a player can have; its key goes along in a header, which a player cannot send. */
export function useRecording(id: string, wanted: boolean): { url: string | null; error: unknown } {
  const [url, setUrl] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    let made: string | null = null;
    fetchWithKey(`/v1/tracks/${id}/audio`, { signal: stop.signal })
      .then(async (response) => {
        made = URL.createObjectURL(await response.blob());
        if (stop.signal.aborted) URL.revokeObjectURL(made);
        else setUrl(made);
      })
      .catch((reason: unknown) => stop.signal.aborted || setError(reason));
    return () => {
      stop.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [id, wanted]);
  return { url, error };
}

export function usePeaks(id: string) {
  return useQuery({
    queryKey: ["peaks", id],
    queryFn: ({ signal }) => measured<Peaks>(`/v1/tracks/${id}/waveform?points=${PEAKS}`, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useSpectrogram(id: string, durationS: number) {
  return useQuery({
    queryKey: ["spectrogram", id],
    queryFn: async ({ signal }): Promise<Spectrogram> => {
      const columns = Math.round(Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, durationS * COLUMNS_PER_S)));
      const path = `/v1/tracks/${id}/spectrogram?width=${columns}&height=${BANDS}&colour_map=gray`;
      const axes = await measured<SpectrogramAxes>(path, signal);
      const picture = await fetchWithKey(path, { headers: { Accept: "image/png" }, signal });
      return { axes, ...(await levelsOf(await picture.blob())) };
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The arrays behind a link, by name. */
export function useArrays(link: ArtifactLink | null | undefined, wanted = true) {
  return useQuery({
    queryKey: ["arrays", link?.id],
    queryFn: async ({ signal }) => {
      if (!link) throw new Error("there is nothing to fetch");
      return readNpz(await fetchArtifact(link, signal));
    },
    enabled: Boolean(link) && wanted,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What is measured once: while a worker does, the answer is its job. */
async function measured<T>(path: string, signal: AbortSignal): Promise<T> {
  for (;;) {
    const response = await fetchWithKey(path, { headers: { Accept: "application/json" }, signal });
    if (response.status !== 202) return (await response.json()) as T;
    const job = (await response.json()) as Job;
    await watchJob(job.id, () => undefined, signal);
  }
}

async function levelsOf(picture: Blob): Promise<{ levels: Uint8Array; columns: number; rows: number }> {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  const { width: columns, height: rows } = bitmap;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser cannot draw");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, columns, rows);
  const levels = new Uint8Array(columns * rows);
  for (let at = 0; at < levels.length; at += 1) levels[at] = data[at * 4] ?? 0;
  return { levels, columns, rows };
}
