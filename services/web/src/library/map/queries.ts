import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, held, type Job } from "../../api/client";
import { inWords } from "../../api/problem";
import type { components } from "../../api/schema";
import { watchJob } from "../../api/watch";
import { failureInWords } from "../../api/words";
import { announce } from "../../ui/live";

export type LibraryMap = components["schemas"]["LibraryMap"];
export type MapPoint = components["schemas"]["MapPoint"];

const MAP_FRESH_MS = 60_000;

/** All recordings that have a place on the map. */
export function useLibraryMap(wanted = true) {
  return useQuery({
    queryKey: ["map"],
    queryFn: async ({ signal }) => held(await api.GET("/v1/map", { signal })),
    enabled: wanted,
    staleTime: MAP_FRESH_MS,
  });
}

/** The map as it is being drawn: how its job stands, what went wrong, and a way to have it drawn. */
export type Drawing = { job: Job | null; pending: boolean; problem: string | null; draw: () => void };

/** Follows the job that already draws it, else one that is asked for. The map is read anew when it has ended. */
export function useMapDrawing(runningId: string | null): Drawing {
  const queries = useQueryClient();
  const [job, setJob] = useState<Job | null>(null);
  const stop = useRef(new AbortController());
  const followed = useRef<string | null>(null);
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (known: string | null) => {
      const { signal } = stop.current;
      const id = known ?? (await asked(signal));
      followed.current = id;
      const done = await watchJob(id, setJob, signal);
      const failed = done.tasks.find(({ status }) => status === "failed");
      if (failed) throw new Error(failureInWords(failed));
      if (done.status !== "succeeded") throw new Error("The drawing of the map was cancelled.");
    },
    onSuccess: () => announce("The map is drawn."),
    onSettled: async () => {
      await Promise.all([["map"], ["jobs"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
      setJob(null);
    },
  });
  useEffect(() => {
    if (runningId && !isPending && followed.current !== runningId) mutate(runningId);
  }, [runningId, isPending, mutate]);
  return { job, pending: isPending, problem: error ? inWords(error) : null, draw: () => mutate(runningId) };
}

async function asked(signal: AbortSignal): Promise<string> {
  return held(await api.POST("/v1/jobs", { body: { tasks: ["map"] }, signal })).id;
}
