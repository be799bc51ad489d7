import { useQuery } from "@tanstack/react-query";
import { api, held, type Stems } from "../api/client";
import { renewalMs } from "../api/links";
import { useTrackState } from "./TrackStateProvider";

export function useTrack(id: string) {
  return useQuery({
    queryKey: ["track", id],
    queryFn: async ({ signal }) =>
      held(await api.GET("/v1/tracks/{track_id}", { params: { path: { track_id: id } }, signal })),
  });
}

/** The stems of the newest separation. `made` is false, and nothing is asked for, while the track has none. */
export function useStems(trackId: string) {
  const made = useTrackState().state.has("separate");
  const found = useQuery({
    queryKey: ["jobs", "stems", trackId],
    queryFn: async ({ signal }): Promise<Stems> =>
      held(await api.GET("/v1/tracks/{track_id}/stems", { params: { path: { track_id: trackId } }, signal })),
    enabled: made,
    staleTime: 60_000,
    refetchInterval: ({ state: { data, dataUpdatedAt } }) => renewalMs(data, dataUpdatedAt),
  });
  return { ...found, made };
}
