import { useQuery } from "@tanstack/react-query";
import { type ArtifactLink, fetchArtifact, fetchWithKey, type Job, type Peaks, type SpectrogramAxes } from "../api/client";
import { hasEnded, watchJob } from "../api/watch";
import { readNpz } from "../sound/arrays";
import { useTrackState } from "../state/TrackStateProvider";

const PEAKS = 4_000;
const BANDS = 128;
const COLUMNS_PER_S = 100;
const FEWEST_COLUMNS = 1_000;
const MOST_COLUMNS = 4_000;

/** A picture's levels, 0 to 255, the lowest band in the last row, and its axes. */
export type Spectrogram = { axes: SpectrogramAxes; levels: Uint8Array; columns: number; rows: number };

export function usePeaks(id: string) {
  const { audioTrack } = useTrackState();
  return useQuery({
    queryKey: ["peaks", id, audioTrack],
    queryFn: ({ signal }) => measured<Peaks>(`/v1/tracks/${id}/waveform?points=${PEAKS}${of(audioTrack)}`, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useSpectrogram(id: string, durationS: number) {
  const { audioTrack } = useTrackState();
  return useQuery({
    queryKey: ["spectrogram", id, audioTrack],
    queryFn: async ({ signal }): Promise<Spectrogram> => {
      const columns = Math.round(Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, durationS * COLUMNS_PER_S)));
      const path = `/v1/tracks/${id}/spectrogram?width=${columns}&height=${BANDS}&colour_map=gray${of(audioTrack)}`;
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
      if (!link) throw new Error("there is no link");
      return readNpz(await fetchArtifact(link, signal));
    },
    enabled: Boolean(link) && wanted,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function of(audioTrack: number | null): string {
  return audioTrack === null ? "" : `&audio_track=${audioTrack}`;
}

/** What `describe` measures. Until it has run, the service answers with its job: waits for the task, not for all of the job. */
async function measured<T>(path: string, signal: AbortSignal): Promise<T> {
  for (;;) {
    const response = await fetchWithKey(path, { headers: { Accept: "application/json" }, signal });
    if (response.status !== 202) return (await response.json()) as T;
    const job = (await response.json()) as Job;
    await watchJob(job.id, () => undefined, signal, isDescribed);
  }
}

/** Whether the job's `describe`, which measures, has ended. Other tasks of the job may run on. */
function isDescribed(job: Job): boolean {
  return job.tasks.some((task) => task.name === "describe" && hasEnded(task)) || hasEnded(job);
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
