import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, dataOf, type Job } from "../../api/client";
import { errorText } from "../../api/problem";
import type { components } from "../../api/schema";
import { watchJob } from "../../api/watch";
import { unsuccessfulText } from "../../api/taskText";
import { announce } from "../../ui/live";

export type LibraryMap = components["schemas"]["LibraryMap"];
export type MapPoint = components["schemas"]["MapPoint"];

const MAP_FRESH_MS = 60_000;

/** The map of the library, from the embeddings of a model; of the service's default model for null; or its points in a collection. */
export function useLibraryMap(model: string | null, collection: string | null = null) {
  return useQuery({
    queryKey: ["map", model, collection],
    queryFn: async ({ signal }) => {
      const query = { ...(model && { model }), ...(collection && { collection }) };
      return dataOf(await api.GET("/v1/map", { params: { query }, signal }));
    },
    staleTime: MAP_FRESH_MS,
  });
}

/** The ids of the recordings that a search finds on a map, which was drawn at `drawnAt`; read again when the map is shown anew, not when jobs end, which rename nothing. */
export function useFoundOnMap(search: string, model: string | null, drawnAt: string | null) {
  return useQuery({
    queryKey: ["found on map", model, drawnAt, search],
    queryFn: async ({ signal }): Promise<ReadonlySet<string>> => {
      const query = { q: search, ...(model && { model }) };
      return new Set(dataOf(await api.GET("/v1/map/found", { params: { query }, signal })).track_ids);
    },
    enabled: search !== "",
    staleTime: 0,
    placeholderData: keepPreviousData,
  });
}

/** The drawing of the map: its job, whether it runs, what went wrong, and a function that starts it. */
export type Drawing = { job: Job | null; pending: boolean; problem: string | null; draw: () => void };

/** Follows the job that draws a model's map, or starts one. Reads the map again when the job has ended. */
export function useMapDrawing(model: string, runningId: string | null): Drawing {
  const queries = useQueryClient();
  const [job, setJob] = useState<Job | null>(null);
  const stop = useRef(new AbortController());
  const followedId = useRef<string | null>(null);
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (known: string | null) => {
      const { signal } = stop.current;
      const id = known ?? (await startDrawing(model, signal));
      followedId.current = id;
      const done = await watchJob(id, setJob, signal);
      const problem = unsuccessfulText(done, "Drawing the map");
      if (problem) throw new Error(problem);
    },
    onSuccess: () => announce("The map was drawn."),
    onSettled: async () => {
      await Promise.all([["map"], ["jobs"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
      setJob(null);
    },
  });
  useEffect(() => {
    if (runningId && !isPending && followedId.current !== runningId) mutate(runningId);
  }, [runningId, isPending, mutate]);
  return { job, pending: isPending, problem: error ? errorText(error) : null, draw: () => mutate(runningId) };
}

async function startDrawing(model: string, signal: AbortSignal): Promise<string> {
  return dataOf(await api.POST("/v1/jobs", { body: { tasks: ["map"], options: { map: { model } } }, signal })).id;
}
