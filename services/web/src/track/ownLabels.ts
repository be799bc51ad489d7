import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type LabelState, type Track } from "../api/client";

/** A label of the whole recording, and what its owner says of it; null while only models predict it, which `by` names. */
export type OwnLabel = { label: string; state: LabelState | null; by: readonly string[] };

/** What is known of the whole recording: first what was confirmed, then predictions, then what was rejected. */
export function ownLabels({ labels, confirmed = [], rejected = [] }: Track): OwnLabel[] {
  const said = new Set([...confirmed, ...rejected]);
  const predicted = [...new Set(Object.values(labels).flat())].filter((label) => !said.has(label));
  const by = (label: string) => Object.entries(labels).flatMap(([model, own]) => (own.includes(label) ? [model] : []));
  const of = (state: LabelState | null) => (label: string) => ({ label, state, by: by(label) });
  return [...confirmed.map(of("confirmed")), ...predicted.map(of(null)), ...rejected.map(of("rejected"))];
}

/** Confirms or rejects a label of the whole recording; undoes the last change for null. */
export function useSayLabel(trackId: string) {
  const queries = useQueryClient();
  const params = { path: { track_id: trackId } };
  return useMutation({
    mutationFn: async (said: { label: string; state: LabelState } | null) => {
      if (said) await api.POST("/v1/tracks/{track_id}/labels", { params, body: said });
      else await api.POST("/v1/tracks/{track_id}/labels/undo", { params });
    },
    onSettled: () =>
      Promise.all(
        [["track", trackId], ["jobs", "of", trackId], ["tracks"], ["map"]].map((queryKey) => queries.invalidateQueries({ queryKey })),
      ),
  });
}
