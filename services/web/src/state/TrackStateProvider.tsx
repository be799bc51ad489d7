import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { isSharedPage } from "../api/credential";
import { renewalMs, urlIn } from "../api/links";
import { hasEnded } from "../api/watch";
import type { Models } from "./models";
import { readTrackState, type TrackAnswer } from "./reading";
import { TrackState } from "./trackState";

const ACTIVE_MS = 1_500;

type Shared = {
  trackId: string;
  state: TrackState;
  /** Whether the state has been read; before, it is empty. */
  loaded: boolean;
  error: unknown;
  retry: () => void;
  /** Reads the state again and gives an artifact's new address; undefined when it has none any more. */
  renewedUrl: (artifactId: string) => Promise<string | undefined>;
  /** The index of another audio track of the file than the track's own, whose results are shown; else null. */
  audioTrack: number | null;
  /** Shows the results of other classification models. */
  selectModels: (models: Models) => void;
};

const TrackStateContext = createContext<Shared | null>(null);

/** The state of the track that the page shows. Every section reads its task's result from it. */
export function useTrackState(): Shared {
  const shared = useContext(TrackStateContext);
  if (!shared) throw new Error("useTrackState needs a TrackStateProvider above it");
  return shared;
}

type Props = { trackId: string; audioTrack: number | null; children: ReactNode };

/** Reads the state of a track, again while tasks run and before links expire. */
export function TrackStateProvider({ trackId, audioTrack, children }: Props) {
  const [selected, selectModels] = useState<Models | null>(null);
  const { data, error, refetch } = useTrackAnswer(trackId);
  const state = useMemo(() => {
    const own = <Item extends { audio_track?: number | null }>(items: readonly Item[] = []) =>
      items.filter((item) => (item.audio_track ?? null) === audioTrack);
    return new TrackState(own(data?.results), own(data?.jobs), selected);
  }, [data, audioTrack, selected]);
  const loaded = data !== undefined;
  const shared = useMemo(
    () => ({
      trackId,
      state,
      loaded,
      error,
      retry: () => void refetch(),
      renewedUrl: async (artifactId: string) => urlIn((await refetch()).data?.results, artifactId),
      audioTrack,
      selectModels,
    }),
    [trackId, state, loaded, error, refetch, audioTrack],
  );
  return <TrackStateContext.Provider value={shared}>{children}</TrackStateContext.Provider>;
}

function useTrackAnswer(id: string) {
  const queries = useQueryClient();
  const queryKey = ["jobs", "of", id];
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => readTrackState(id, queries.getQueryData<TrackAnswer>(queryKey), signal, isSharedPage()),
    refetchInterval: ({ state: { data, dataUpdatedAt } }) =>
      data?.jobs.some((job) => !hasEnded(job)) ? ACTIVE_MS : renewalMs(data?.results, dataUpdatedAt),
    // Sound plays on in a hidden tab.
    refetchIntervalInBackground: true,
  });
}
