import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { api, held } from "../api/client";
import { renewalMs } from "../api/links";
import { ended } from "../api/watch";
import { stateOf, type TrackState } from "./trackState";

const ACTIVE_MS = 1_500;

type Shared = {
  state: TrackState;
  /** Whether the state has been read; before, it is empty. */
  loaded: boolean;
  error: unknown;
  retry: () => void;
  /** Shows the results of another classification model. */
  selectModel: (model: string) => void;
};

const TrackStateContext = createContext<Shared | null>(null);

/** The state of the track that the page shows. Every section asks it by task. */
export function useTrackState(): Shared {
  const shared = useContext(TrackStateContext);
  if (!shared) throw new Error("useTrackState needs a TrackStateProvider above it");
  return shared;
}

/** Reads the state of a track, again while tasks run and before links expire. */
export function TrackStateProvider({ trackId, children }: { trackId: string; children: ReactNode }) {
  const [selected, selectModel] = useState<string | null>(null);
  const { data: jobs, error, refetch } = useTrackJobs(trackId);
  const state = useMemo(() => stateOf(jobs ?? [], selected), [jobs, selected]);
  const shared = useMemo(
    () => ({ state, loaded: jobs !== undefined, error, retry: () => void refetch(), selectModel }),
    [state, jobs, error, refetch],
  );
  return <TrackStateContext.Provider value={shared}>{children}</TrackStateContext.Provider>;
}

function useTrackJobs(id: string) {
  return useQuery({
    queryKey: ["jobs", "of", id],
    queryFn: async ({ signal }) =>
      held(await api.GET("/v1/jobs", { params: { query: { track_id: id, limit: 50 } }, signal })).items,
    refetchInterval: ({ state: { data, dataUpdatedAt } }) =>
      data?.some((job) => !ended(job)) ? ACTIVE_MS : renewalMs(data, dataUpdatedAt),
  });
}
