import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, dataOf, type Job, type JobOptions, type TaskName } from "../api/client";
import { errorText } from "../api/problem";
import { watchJob } from "../api/watch";
import { failureText } from "../api/taskText";
import { modelOption } from "./models";
import { jobRequest } from "./requests";
import { useTrackState } from "./TrackStateProvider";

/**
 * Submits jobs on a track for the models in use, follows them and reads the track's state again when they have ended.
 *
 * `submitAndWait` throws when a task fails; `problem` is the same as a sentence.
 */
export function useSubmit(trackId: string) {
  const queries = useQueryClient();
  const { state, audioTrack } = useTrackState();
  const { models } = state;
  const [job, setJob] = useState<Job | null>(null);
  const stop = useRef(new AbortController());
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);
  const submission = useMutation({
    mutationFn: async ({ tasks, options }: { tasks: readonly TaskName[]; options?: JobOptions }): Promise<Job> => {
      const { signal } = stop.current;
      const own = { ...(models && { classify: { model: modelOption(models) } }), ...(audioTrack !== null && { audio_track: audioTrack }) };
      const body = jobRequest(trackId, tasks, { ...own, ...options });
      const made = dataOf(await api.POST("/v1/jobs", { body, signal }));
      setJob(made);
      const done = await watchJob(made.id, setJob, signal);
      const failed = done.tasks.find((task) => task.status === "failed");
      if (failed) throw new Error(failureText(failed));
      return done;
    },
    onSettled: async () => {
      setJob(null);
      const changed = [["jobs"], ["tracks"], ["track", trackId]];
      await Promise.all(changed.map((queryKey) => queries.invalidateQueries({ queryKey })));
    },
  });
  const { mutate, mutateAsync, isPending, error } = submission;
  return { submit: mutate, submitAndWait: mutateAsync, submitting: isPending, job, problem: error ? errorText(error) : null };
}
