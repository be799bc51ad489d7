import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, dataOf } from "../api/client";
import type { components } from "../api/schema";

export type Collection = components["schemas"]["Collection"];

const LIST = ["tracks", "collections"];
const MOST_AT_ONCE = 1_000;

/** The owner's collections, by name. */
export function useCollections() {
  return useQuery({
    queryKey: LIST,
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/collections", { signal })).items,
  });
}

/** The actions on collections. None of them changes which recordings are in one: their list alone is read again. */
export function useCollectionActions() {
  return {
    create: useAction(async (name: string) => dataOf(await api.POST("/v1/collections", { body: { name } }))),
    rename: useAction(({ id, name }: { id: string; name: string }) => api.PATCH("/v1/collections/{collection_id}", { ...of(id), body: { name } })),
    remove: useAction((id: string) => api.DELETE("/v1/collections/{collection_id}", of(id))),
  };
}

/** Puts recordings in a collection; a thousand of them at once are all put there or none. */
export async function putIn(id: string, trackIds: readonly string[]): Promise<void> {
  for (const track_ids of parts(trackIds)) await api.PUT("/v1/collections/{collection_id}/tracks", { ...of(id), body: { track_ids } });
}

/** Takes recordings out of a collection. */
export async function takeOut(id: string, trackIds: readonly string[]): Promise<void> {
  for (const track_ids of parts(trackIds)) await api.DELETE("/v1/collections/{collection_id}/tracks", { ...of(id), body: { track_ids } });
}

function parts(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / MOST_AT_ONCE) }, (_, at) => ids.slice(at * MOST_AT_ONCE, (at + 1) * MOST_AT_ONCE));
}

function of(id: string) {
  return { params: { path: { collection_id: id } } };
}

function useAction<Given, Made>(act: (given: Given) => Promise<Made>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () => queries.invalidateQueries({ queryKey: LIST }),
  });
}
