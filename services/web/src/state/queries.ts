import { useQuery } from "@tanstack/react-query";
import { api, held, type Job, type Stems } from "../api/client";
import { ended } from "../api/watch";

// Links to artifacts end after an hour: results are read anew before.
const LINKS_GOOD_MS = 40 * 60_000;

export function useTrack(id: string) {
  return useQuery({
    queryKey: ["track", id],
    queryFn: async ({ signal }) =>
      held(await api.GET("/v1/tracks/{track_id}", { params: { path: { track_id: id } }, signal })),
  });
}

/** The track's jobs, newest first. */
export function useTrackJobs(id: string) {
  return useQuery({
    queryKey: ["jobs", "of", id],
    queryFn: async ({ signal }) =>
      held(await api.GET("/v1/jobs", { params: { query: { track_id: id, limit: 50 } }, signal })).items,
    refetchInterval: (query) => (query.state.data?.some((job) => !ended(job)) ? 1_500 : LINKS_GOOD_MS),
  });
}

/** The stems of the newest separation; they are not asked for unless one of the track's jobs has made some. */
export function useStems(trackId: string, jobs: readonly Job[]) {
  const made = jobs.some((job) => job.tasks.some(({ name, status }) => name === "separate" && status === "succeeded"));
  const found = useQuery({
    queryKey: ["jobs", "stems", trackId],
    queryFn: async ({ signal }): Promise<Stems> =>
      held(await api.GET("/v1/tracks/{track_id}/stems", { params: { path: { track_id: trackId } }, signal })),
    enabled: made,
    staleTime: 60_000,
  });
  return { ...found, made };
}
