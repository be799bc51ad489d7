import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, fetchArtifact, fetchWithKey, held, type Stems } from "../api/client";
import { renewalMs } from "../api/links";
import type { Mixed } from "../state/results";
import { stateOf } from "../state/trackState";

const SAMPLE_BYTES = 8;
const MOST_BYTES = 1.2e9;

export type Loaded = { context: AudioContext; buffers: Map<string, AudioBuffer> };
export type Loading = { loaded: Loaded | null; share: number; error: unknown };

/** Whether stems are too long to be held decoded in a page. */
export function tooLong(stems: Stems): boolean {
  const seconds = stems.stems.reduce((sum, stem) => sum + stem.duration_s, 0);
  return seconds * stems.sample_rate_hz * SAMPLE_BYTES > MOST_BYTES;
}

/** The stems decoded, ready to be played together. */
export function useLoadedStems(stems: Stems): Loading {
  const [state, setState] = useState<Loading>({ loaded: null, share: 0, error: null });
  const ids = stems.stems.map((stem) => stem.audio.id).join();
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
  }, [ids]);
  return state;
}

/** What a `mixdown` job made. Its link is renewed before it expires. */
export function useMixdown(jobId: string | null): Mixed | null {
  const { data } = useQuery({
    queryKey: ["jobs", "one", jobId],
    queryFn: async ({ signal }) => held(await api.GET("/v1/jobs/{job_id}", { params: { path: { job_id: jobId ?? "" } }, signal })),
    enabled: jobId !== null,
    refetchInterval: ({ state: { data, dataUpdatedAt } }) => renewalMs(data, dataUpdatedAt),
  });
  return data ? stateOf([data], null).result("mixdown") : null;
}

/** Fetches all stems in one file and hands it to the browser as a download. */
export async function downloadAll(trackId: string, filename: string): Promise<void> {
  const response = await fetchWithKey(`/v1/tracks/${trackId}/stems.zip`);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = `${filename.replace(/\.\w+$/, "")} stems.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
