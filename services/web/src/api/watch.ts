import { api, fetchWithKey, held, type Job, type Task } from "./client";
import { pause, Watchdog } from "./pause";
import { ApiProblem } from "./problem";
import { EventParser, type StreamEvent } from "./sse";

// Its progress shall be seen though the wait ends with the job alone.
const WAIT_S = 1.5;
// A proxy may hold the stream back: then asking is faster than waiting.
const FIRST_MS = 8_000;
// The service sends a comment every 15 s. Silence for longer means that the connection is lost.
const SILENT_MS = 25_000;
const AGAIN_MS = 500;
const MOST_FAILURES = 5;

type Progress = { tasks: Partial<Task>[] };

/** Whether a job has ended, however. */
export function ended(job: Job): boolean {
  return job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
}

/**
 * Tells of a job at every change until it has ended, and gives it back then: from its event stream where there is one,
 * else by asking again and again.
 */
export async function watchJob(jobId: string, tell: (job: Job) => void, signal: AbortSignal): Promise<Job> {
  const streamed = await follow(jobId, tell, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return null;
  });
  return streamed && ended(streamed) ? streamed : poll(jobId, tell, signal);
}

/** The job with what a `progress` event says. */
export function progressed(job: Job, progress: Progress): Job {
  const told = new Map(progress.tasks.map((task) => [task.name, task]));
  return { ...job, tasks: job.tasks.map((task) => ({ ...task, ...told.get(task.name) })) };
}

async function follow(jobId: string, tell: (job: Job) => void, signal: AbortSignal): Promise<Job | null> {
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
      if (job) tell(job);
      if (event.type === "completed") break;
    }
    return job;
  } finally {
    silence.end();
  }
}

function applied(job: Job | null, { type, data }: StreamEvent): Job | null {
  if (type === "progress") return job && progressed(job, JSON.parse(data) as Progress);
  return type === "status" || type === "completed" ? (JSON.parse(data) as Job) : job;
}

/** The events of a stream; `received` is called for every piece of it, comments included. */
async function* eventsOf(response: Response, received: () => void): AsyncGenerator<StreamEvent> {
  if (!response.body) return;
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      received();
      yield* parser.add(piece.value);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

async function poll(jobId: string, tell: (job: Job) => void, signal: AbortSignal): Promise<Job> {
  for (let failures = 0; ; ) {
    try {
      const job = await asked(jobId, signal);
      tell(job);
      if (ended(job)) return job;
      failures = 0;
      await pause(AGAIN_MS, signal);
    } catch (error) {
      failures += 1;
      const hopeless = error instanceof ApiProblem && !error.retryable;
      if (signal.aborted || hopeless || failures > MOST_FAILURES) throw error;
      await pause(AGAIN_MS * failures, signal);
    }
  }
}

async function asked(jobId: string, signal: AbortSignal): Promise<Job> {
  const params = { path: { job_id: jobId }, query: { wait: WAIT_S } };
  return held(await api.GET("/v1/jobs/{job_id}", { params, signal }));
}
