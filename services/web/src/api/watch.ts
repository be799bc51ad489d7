import { api, dataOf, fetchWithKey, type Job, type Status, type Task } from "./client";
import { isOffline, untilOnline } from "./network";
import { pause, Watchdog } from "./pause";
import { ApiProblem } from "./problem";
import { EventParser, type StreamEvent } from "./sse";

// Long polling returns when the job ends. A short wait shows its progress in between.
const WAIT_S = 1.5;
// A proxy may buffer the stream: then polling is faster.
const FIRST_MS = 8_000;
// The service sends a comment every 15 s. Silence for longer means that the connection is lost.
const SILENT_MS = 25_000;
const POLL_MS = 500;
const MOST_FAILURES = 5;

type Progress = { tasks: Partial<Task>[] };
type OnChange = (job: Job) => void;
type Until = (job: Job) => boolean;

/** Whether a job or a task has ended: succeeded, failed or cancelled. */
export function hasEnded({ status }: { status: Status }): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

/**
 * Calls `onChange` with a job at every change and returns the job when it has ended, or earlier when `until` holds.
 *
 * Reads the job's event stream, and polls where the stream fails; without a network it waits for that. Throws the signal's reason when the signal aborts, and an
 * `ApiProblem` when the service refuses.
 */
export async function watchJob(jobId: string, onChange: OnChange, signal: AbortSignal, until: Until = hasEnded): Promise<Job> {
  const streamed = await follow(jobId, onChange, signal, until).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return null;
  });
  return streamed && until(streamed) ? streamed : poll(jobId, onChange, signal, until);
}

/** The job with the tasks that a `progress` event changes. */
export function withProgress(job: Job, progress: Progress): Job {
  const changes = new Map(progress.tasks.map((task) => [task.name, task]));
  return { ...job, tasks: job.tasks.map((task) => ({ ...task, ...changes.get(task.name) })) };
}

async function follow(jobId: string, onChange: OnChange, signal: AbortSignal, until: Until): Promise<Job | null> {
  const silence = new Watchdog();
  silence.restart(FIRST_MS);
  try {
    const response = await fetchWithKey(`/v1/jobs/${encodeURIComponent(jobId)}/events`, {
      headers: { Accept: "text/event-stream" },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    let job: Job | null = null;
    for await (const event of eventsOf(response, () => silence.restart(SILENT_MS))) {
      job = applied(job, event);
      if (job) onChange(job);
      if (event.type === "completed" || (job && until(job))) break;
    }
    return job;
  } finally {
    silence.end();
  }
}

function applied(job: Job | null, { type, data }: StreamEvent): Job | null {
  if (type === "progress") return job && withProgress(job, JSON.parse(data) as Progress);
  return type === "status" || type === "completed" ? (JSON.parse(data) as Job) : job;
}

/** The events of a stream. `onData` is called for every piece of it, comments included. */
async function* eventsOf(response: Response, onData: () => void): AsyncGenerator<StreamEvent> {
  if (!response.body) return;
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      onData();
      yield* parser.add(piece.value);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

async function poll(jobId: string, onChange: OnChange, signal: AbortSignal, until: Until): Promise<Job> {
  for (let failures = 0; ; ) {
    try {
      const job = await readJob(jobId, signal);
      onChange(job);
      if (until(job)) return job;
      failures = 0;
      await pause(POLL_MS, signal);
    } catch (error) {
      failures += 1;
      const refused = error instanceof ApiProblem && !error.retryable;
      if (signal.aborted || refused) throw error;
      if (isOffline()) {
        await untilOnline(signal);
        failures = 0;
        continue;
      }
      if (failures > MOST_FAILURES) throw error;
      await pause(POLL_MS * failures, signal);
    }
  }
}

async function readJob(jobId: string, signal: AbortSignal): Promise<Job> {
  const params = { path: { job_id: jobId }, query: { wait: WAIT_S } };
  return dataOf(await api.GET("/v1/jobs/{job_id}", { params, signal }));
}
