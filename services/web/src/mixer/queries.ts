import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, fetchArtifact, dataOf, type Stems } from "../api/client";
import { saveAs } from "../api/download";
import { renewalMs } from "../api/links";
import { downloadName } from "../ui/format";
import { isResultOf, type ResultOf } from "../state/results";

const SAMPLE_BYTES = 8;
const MOST_BYTES = 1.2e9;

export type Loaded = { context: AudioContext; buffers: Map<string, AudioBuffer> };
export type Loading = { loaded: Loaded | null; share: number; error: unknown };

/** Whether stems are too long to be decoded in a page. */
export function tooLong(stems: Stems): boolean {
  return Math.max(0, ...stems.stems.map(({ duration_s }) => duration_s)) > longestS(stems);
}

/** The length up to which so many stems with this sampling rate are decoded in a page, in seconds. */
export function longestS({ stems, sample_rate_hz }: Stems): number {
  return MOST_BYTES / (SAMPLE_BYTES * sample_rate_hz * Math.max(1, stems.length));
}

/** The decoded stems; `share` of them is loaded, 0 to 1. Loads them once: later `stems` have newer links to the same sounds. */
export function useLoadedStems(latest: Stems): Loading {
  const [stems] = useState(latest);
  const [state, setState] = useState<Loading>({ loaded: null, share: 0, error: null });
  useEffect(() => {
    const stop = new AbortController();
    const context = new AudioContext({ sampleRate: stems.sample_rate_hz, latencyHint: "interactive" });
    let done = 0;
    setState({ loaded: null, share: 0, error: null });
    const decoded = stems.stems.map(async ({ name, audio }) => {
      const buffer = await context.decodeAudioData(await fetchArtifact(audio, stop.signal));
      done += 1;
      if (!stop.signal.aborted) setState((state) => ({ ...state, share: done / stems.stems.length }));
      return [name, buffer] as const;
    });
    Promise.all(decoded)
      .then((all) => stop.signal.aborted || setState({ loaded: { context, buffers: new Map(all) }, share: 1, error: null }))
      .catch((error: unknown) => stop.signal.aborted || setState({ loaded: null, share: 0, error }));
    return () => {
      stop.abort();
      void context.close();
    };
  }, [stems]);
  return state;
}

/** What a `mixdown` job made. Its link is renewed before it expires. */
export function useMixdown(jobId: string | null): ResultOf<"mixdown"> | null {
  const { data } = useQuery({
    queryKey: ["jobs", "one", jobId],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/jobs/{job_id}", { params: { path: { job_id: jobId ?? "" } }, signal })),
    enabled: jobId !== null,
    refetchInterval: ({ state: { data, dataUpdatedAt } }) => renewalMs(data, dataUpdatedAt),
  });
  const result = data?.tasks[0]?.result ?? null;
  return isResultOf(result, "mixdown") ? result : null;
}

/** Downloads all stems in one ZIP file. */
export async function downloadAll(trackId: string, filename: string): Promise<void> {
  await saveAs(`/v1/tracks/${trackId}/stems.zip`, downloadName(filename, "stems.zip"));
}
