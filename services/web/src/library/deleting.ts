import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { readWithout } from "./again";
import { forgetTrack } from "./uploads";

/** Deletes a track, and takes it from all that is shown. */
export function useDeleteTrack() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (trackId: string) => api.DELETE("/v1/tracks/{track_id}", { params: { path: { track_id: trackId } } }),
    onSuccess: async (_, trackId) => {
      forgetTrack(trackId);
      queries.removeQueries({ queryKey: ["outline", trackId] });
      await readWithout(queries, trackId);
    },
    onError: () => Promise.all([["tracks"], ["map"]].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}
