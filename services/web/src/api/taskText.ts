import type { Job, Task, TaskName, Waiting } from "./client";
import { sentence } from "./problem";

const DOING: Record<TaskName, string> = {
  classify: "classifying",
  embed: "embedding",
  explain: "explaining",
  features: "computing feature maps",
  describe: "measuring",
  separate: "separating",
  mixdown: "mixing",
  map: "drawing the map",
  apply: "labelling the library",
  teach: "teaching",
};

export const POOLS = { gpu: "GPU", cpu: "CPU" } as const;

/** A job's status in a few words. */
export function jobText(job: Job): string {
  const running = job.tasks.find((task) => task.status === "running");
  if (running) return taskText(running);
  const failed = job.tasks.find((task) => task.status === "failed");
  if (failed) return `${failed.name} failed`;
  if (job.status === "queued" || job.status === "running") return "waiting";
  return job.status === "succeeded" ? "done" : job.status;
}

/** A task's status in words, for example `separating 38 %, about 12 s left`. */
export function taskText(task: Task): string {
  if (task.status === "queued") return task.waiting ? waitingText(task.waiting, task.pool) : "waiting";
  if (task.status !== "running") return task.status === "succeeded" ? "done" : task.status;
  const share = task.progress > 0 ? ` ${Math.round(task.progress * 100)} %` : "";
  const left = task.left_s ? `, about ${secondsText(task.left_s)} left` : "";
  return `${DOING[task.name]}${share}${left}`;
}

/** Why a task has not started, for example `waiting for a GPU worker: 3 ahead of you, about 12 s`. */
export function waitingText(waiting: Waiting, pool: Task["pool"]): string {
  const worker = `${POOLS[pool]} worker`;
  if (waiting.reason === "no_worker") return `no ${worker} is running; the task starts when one does`;
  if (waiting.reason === "retrying") return "it failed once and will be tried again soon";
  if (waiting.reason === "after") return `waiting for ${waiting.after ? `“${waiting.after}”` : "another task"} of the same job`;
  const ahead = waiting.ahead ? `: ${waiting.ahead} ahead of you` : "";
  const estimate = waiting.estimate_s ? `, about ${secondsText(waiting.estimate_s)}` : "";
  return `waiting for a ${worker}${ahead}${estimate}`;
}

/** Why a task failed, as a sentence. */
export function failureText(task: Task): string {
  const detail = task.error?.detail;
  return sentence(typeof detail === "string" ? detail : `${task.name} failed`);
}

/** Why a job that has ended did not succeed, as a sentence: why a task failed, or that `what` was cancelled; null where it succeeded. */
export function unsuccessfulText({ status, tasks }: Job, what = "It"): string | null {
  const failed = tasks.find((task) => task.status === "failed");
  if (failed) return failureText(failed);
  return status === "succeeded" ? null : `${what} was cancelled.`;
}

/** Seconds as `12 s`, `3 min` or `2 h`. */
export function secondsText(value: number): string {
  if (value < 90) return `${Math.max(1, Math.round(value))} s`;
  return value < 5_400 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3_600)} h`;
}
