import type { Job, Task, TaskName, Waiting } from "./client";
import { sentence } from "./problem";

const DOING: Record<TaskName, string> = {
  classify: "listening",
  embed: "placing",
  explain: "explaining",
  features: "looking inside",
  describe: "measuring",
  separate: "separating",
  mixdown: "mixing",
  map: "drawing the map",
};

const POOLS = { gpu: "GPU", cpu: "CPU" } as const;

/** How a job stands, in a few words for a row. */
export function jobInWords(job: Job): string {
  const running = job.tasks.find((task) => task.status === "running");
  if (running) return taskInWords(running);
  const failed = job.tasks.find((task) => task.status === "failed");
  if (failed) return `${failed.name} failed`;
  if (job.status === "queued" || job.status === "running") return "waiting";
  return job.status === "succeeded" ? "done" : job.status;
}

/** How a task stands: `separating 38 %`, and how long it still takes where that is known. */
export function taskInWords(task: Task): string {
  if (task.status === "queued") return task.waiting ? waitingInWords(task.waiting, task.pool) : "waiting";
  if (task.status !== "running") return task.status === "succeeded" ? "done" : task.status;
  const share = task.progress > 0 ? ` ${Math.round(task.progress * 100)} %` : "";
  const left = task.left_s ? `, about ${seconds(task.left_s)} left` : "";
  return `${DOING[task.name]}${share}${left}`;
}

/** Why a task has not started: `waiting for a GPU worker: 3 ahead of you, about 12 s`. */
export function waitingInWords(waiting: Waiting, pool: Task["pool"]): string {
  const worker = `${POOLS[pool]} worker`;
  if (waiting.reason === "no_worker") return `no ${worker} is running; it starts when one does`;
  if (waiting.reason === "retrying") return "it failed once and is tried again shortly";
  if (waiting.reason === "after") return `waits for ${waiting.after ? `“${waiting.after}”` : "another task"} of the same job`;
  const ahead = waiting.ahead ? `: ${waiting.ahead} ahead of you` : "";
  const estimate = waiting.estimate_s ? `, about ${seconds(waiting.estimate_s)}` : "";
  return `waiting for a ${worker}${ahead}${estimate}`;
}

/** What went wrong with a task, and what to do about it. */
export function failureInWords(task: Task): string {
  const detail = task.error?.["detail"];
  return sentence(typeof detail === "string" ? detail : `${task.name} failed`);
}

export function seconds(value: number): string {
  if (value < 90) return `${Math.max(1, Math.round(value))} s`;
  return value < 5_400 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3_600)} h`;
}
