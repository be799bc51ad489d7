import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, held, type Job, type JobOptions, type TaskName } from "../api/client";
import { inWords } from "../api/problem";
import { watchJob } from "../api/watch";
import { failureInWords } from "../api/words";
import { jobRequest } from "./requests";
import { useTrackState } from "./TrackStateProvider";

/** Asks the model that listens for tasks on a track, follows them and reads the track's jobs anew when they have ended. */
export function useAsk(trackId: string) {
  const queries = useQueryClient();
  const { model } = useTrackState().state;
  const [job, setJob] = useState<Job | null>(null);
  const stop = useRef(new AbortController());
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);
  const asking = useMutation({
    mutationFn: async ({ tasks, options }: { tasks: readonly TaskName[]; options?: JobOptions }): Promise<Job> => {
      const { signal } = stop.current;
      const body = jobRequest(trackId, tasks, { ...(model && { classify: { model } }), ...options });
      const made = held(await api.POST("/v1/jobs", { body, signal }));
      setJob(made);
      const done = await watchJob(made.id, setJob, signal);
      const failed = done.tasks.find((task) => task.status === "failed");
      if (failed) throw new Error(failureInWords(failed));
      return done;
    },
    onSettled: async () => {
      setJob(null);
      await queries.invalidateQueries({ queryKey: ["jobs"] });
    },
  });
  const { mutate, mutateAsync, isPending, error } = asking;
  return { ask: mutate, askAndWait: mutateAsync, asking: isPending, job, problem: error ? inWords(error) : null };
}
