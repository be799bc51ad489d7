import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, dataOf, type Job, type JobOptions, type JobRequest, type TaskName } from "../api/client";
import { ApiProblem, errorText } from "../api/problem";
import { remember, remembered } from "../api/session";
import { hasEnded, watchJob } from "../api/watch";
import { unsuccessfulText } from "../api/taskText";
import { modelOption } from "./models";
import { openJobs } from "./reading";
import { jobRequest } from "./requests";
import { useTrackState } from "./TrackStateProvider";

type Asked = {
  tasks: readonly TaskName[];
  options?: JobOptions;
  /** Whether a job of the recording that waits or runs computes this already: it is followed, and no other is asked for. */
  isSame?: (job: Job) => boolean;
};

/** What was asked for here and has not ended; the job is null until the service has answered. */
export type Submission = { asked: Asked; job: Job | null };

/** A submission, and why it failed once it has. */
type Followed = Submission & { problem: string | null };

/**
 * Submits jobs on a track for the models in use, follows them and reads the track's state again when they have ended.
 *
 * What was asked for before a reload, and still runs, is followed and not asked for again. `submitting` and `job` are of the
 * newest submission, `submissions` has all that have not ended. `submitAndWait` throws when a task fails or the job is cancelled;
 * `problem` is the same as sentences, of all that failed since nothing was under way, unless it was asked for again.
 */
export function useSubmit(trackId: string) {
  const queries = useQueryClient();
  const { state, audioTrack } = useTrackState();
  const { models } = state;
  const [followed, setFollowed] = useState<readonly Followed[]>([]);
  const stop = useRef(new AbortController());
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);
  const submission = useMutation({
    onMutate: (asked: Asked) => setFollowed((all) => [...stillShown(all, asked), { asked, job: null, problem: null }]),
    mutationFn: async (asked: Asked): Promise<Job> => {
      const { tasks, options, isSame } = asked;
      const own = { ...(models && { classify: { model: modelOption(models) } }), ...(audioTrack !== null && { audio_track: audioTrack }) };
      const body = jobRequest(trackId, tasks, { ...own, ...options });
      const notify = (job: Job) => setFollowed((all) => all.map((one) => (one.asked === asked ? { ...one, job } : one)));
      const isOwn = (job: Job) => (job.audio_track ?? null) === audioTrack && Boolean(isSame?.(job));
      const done = await ended(body, notify, stop.current.signal, isSame && isOwn);
      const problem = unsuccessfulText(done);
      if (problem) throw new Error(problem);
      return done;
    },
    onSettled: async (_done, error, asked) => {
      const changed = [["jobs"], ["tracks"], ["track", trackId]];
      await Promise.all(changed.map((queryKey) => queries.invalidateQueries({ queryKey })));
      const left = (one: Followed) => (error ? [{ ...one, problem: errorText(error) }] : []);
      setFollowed((all) => all.flatMap((one) => (one.asked === asked ? left(one) : [one])));
    },
  });
  const { mutate, mutateAsync, isPending } = submission;
  const submissions = followed.filter(({ problem }) => problem === null);
  const problems = new Set(followed.flatMap(({ problem }) => problem ?? []));
  const job = submissions.at(-1)?.job ?? null;
  return { submit: mutate, submitAndWait: mutateAsync, submitting: isPending, job, submissions, problem: [...problems].join(" ") || null };
}

/** What is under way, and what failed meanwhile, as something is asked for. */
function stillShown(all: readonly Followed[], { tasks, options }: Asked): readonly Followed[] {
  if (all.every(({ problem }) => problem !== null)) return [];
  const what = JSON.stringify([tasks, options]);
  return all.filter(({ problem, asked }) => problem === null || JSON.stringify([asked.tasks, asked.options]) !== what);
}

const GONE = 404;

/** The job of a request when it has ended. */
async function ended(body: JobRequest, notify: (job: Job) => void, signal: AbortSignal, isSame?: (job: Job) => boolean): Promise<Job> {
  const name = `job ${JSON.stringify(body)}`;
  const running = (await jobThatRuns(remembered(name), signal)) ?? (await jobThatIs(body.track_id, isSame, signal));
  const made = running ?? dataOf(await api.POST("/v1/jobs", { body, signal }));
  remember(name, made.id);
  notify(made);
  const done = await watchJob(made.id, notify, signal);
  remember(name, null);
  return done;
}

async function jobThatIs(trackId: JobRequest["track_id"], isSame: ((job: Job) => boolean) | undefined, signal: AbortSignal): Promise<Job | null> {
  if (!trackId || !isSame) return null;
  return (await openJobs(trackId, signal)).find(isSame) ?? null;
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
