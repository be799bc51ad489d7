import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, dataOf, type Job, type JobOptions, type JobRequest, type TaskName } from "../api/client";
import { ApiProblem, errorText } from "../api/problem";
import { remember, remembered } from "../api/session";
import { hasEnded, watchJob } from "../api/watch";
import { failureText } from "../api/taskText";
import { modelOption } from "./models";
import { jobRequest } from "./requests";
import { useTrackState } from "./TrackStateProvider";

/**
 * Submits jobs on a track for the models in use, follows them and reads the track's state again when they have ended.
 *
 * What was asked for before a reload, and still runs, is followed and not asked for again. `submitAndWait` throws when a task fails; `problem` is the same as a sentence.
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
      const done = await ended(body, setJob, signal);
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

const GONE = 404;

/** The job of a request when it has ended. */
async function ended(body: JobRequest, notify: (job: Job) => void, signal: AbortSignal): Promise<Job> {
  const name = `job ${JSON.stringify(body)}`;
  const running = await jobThatRuns(remembered(name), signal);
  const made = running ?? dataOf(await api.POST("/v1/jobs", { body, signal }));
  remember(name, made.id);
  notify(made);
  const done = await watchJob(made.id, notify, signal);
  remember(name, null);
  return done;
}

async function jobThatRuns(id: string | null, signal: AbortSignal): Promise<Job | null> {
  if (id === null) return null;
  try {
    const job = dataOf(await api.GET("/v1/jobs/{job_id}", { params: { path: { job_id: id } }, signal }));
    return hasEnded(job) ? null : job;
  } catch (error) {
    if (error instanceof ApiProblem && error.status === GONE) return null;
    throw error;
  }
}
