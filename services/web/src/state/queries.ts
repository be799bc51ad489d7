import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, dataOf, type Stems } from "../api/client";
import { renewalMs } from "../api/links";
import { useTrackState } from "./TrackStateProvider";

/** A track. Its link to the recording is renewed before it expires. */
export function useTrack(id: string) {
  return useQuery({
    queryKey: ["track", id],
    queryFn: async ({ signal }) =>
      dataOf(await api.GET("/v1/tracks/{track_id}", { params: { path: { track_id: id } }, signal })),
    refetchInterval: ({ state: { data, dataUpdatedAt } }) => renewalMs(data, dataUpdatedAt),
    // The recording plays on in a hidden tab.
    refetchIntervalInBackground: true,
  });
}

/** The query of what a shared link opens, read again before its links expire. */
export const sharedTrack = queryOptions({
  queryKey: ["shared"],
  queryFn: async ({ signal }) => dataOf(await api.GET("/v1/shared", { signal })),
  refetchInterval: ({ state: { data, dataUpdatedAt, error } }) => (error ? false : renewalMs(data?.track, dataUpdatedAt)),
  refetchIntervalInBackground: true,
});

/** The stems of the newest separation. `made` is false, and nothing is requested, while the track has none. */
export function useStems(trackId: string) {
  const { state, audioTrack } = useTrackState();
  const made = state.has("separate");
  const params = { path: { track_id: trackId }, query: { ...(audioTrack !== null && { audio_track: audioTrack }) } };
  const found = useQuery({
    queryKey: ["jobs", "stems", trackId, audioTrack],
    queryFn: async ({ signal }): Promise<Stems> => dataOf(await api.GET("/v1/tracks/{track_id}/stems", { params, signal })),
    enabled: made,
    staleTime: 60_000,
    refetchInterval: ({ state: { data, dataUpdatedAt } }) => renewalMs(data, dataUpdatedAt),
  });
  return { ...found, made };
}
