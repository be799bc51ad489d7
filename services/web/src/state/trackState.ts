import type { Job, Task, TaskName } from "../api/client";
import type { ModelRef, Results } from "./results";

/** A result of a task on a track; `model` is null for tasks that need none. */
export type TrackResult = { task: TaskName; model: string | null; result: object };

// Tasks whose results depend on the classification model. `separate` has models of its own.
const BY_MODEL: ReadonlySet<TaskName> = new Set(["classify", "embed", "explain", "features"]);

/** What is known of a track: the newest results, as the model in use gave them, and the tasks that were asked for. */
export class TrackState {
  /** The classification model in use: the selected one, else that of the newest classification; null without one. */
  readonly model: string | null;
  /** Every model that has classified the track, newest first. */
  readonly models: readonly string[];
  readonly #results: readonly TrackResult[];
  readonly #tasks: readonly Task[];

  /** Of results and tasks that come newest first. */
  constructor(results: readonly TrackResult[], tasks: readonly Task[], selected: string | null) {
    this.models = [...new Set(results.flatMap(({ task, model }) => (task === "classify" && model ? [model] : [])))];
    this.model = selected ?? this.models[0] ?? null;
    this.#results = results.filter(({ task, model }) => this.#isOfModel(task, model));
    this.#tasks = tasks.filter((task) => !task.result || this.#isOfModel(task.name, modelOf(task)));
  }

  /** The newest result of a task that fits, or null. */
  result<Name extends keyof Results>(name: Name, fits: (result: Results[Name]) => boolean = () => true): Results[Name] | null {
    for (const { task, result } of this.#results) if (task === name && fits(result as Results[Name])) return result as Results[Name];
    return null;
  }

  has(name: TaskName): boolean {
    return this.#results.some(({ task }) => task === name);
  }

  /** The newest task of a name, whatever its status, or null. */
  task(name: TaskName): Task | null {
    return this.#tasks.find((task) => task.name === name) ?? null;
  }

  /** Tasks that have not ended. */
  get active(): Task[] {
    return this.#tasks.filter(({ status }) => status === "queued" || status === "running");
  }

  #isOfModel(task: TaskName, model: string | null): boolean {
    return this.model === null || !BY_MODEL.has(task) || model === null || model === this.model;
  }
}

/** The state as a track's jobs tell it, which come newest first. */
export function stateOf(jobs: readonly Job[], selected: string | null): TrackState {
  const tasks = jobs.flatMap((job) => job.tasks);
  const results = tasks.flatMap((task) => (task.result ? [{ task: task.name, model: modelOf(task), result: task.result }] : []));
  return new TrackState(results, tasks, selected);
}

function modelOf({ result }: Task): string | null {
  return (result as { model?: ModelRef } | null | undefined)?.model?.name ?? null;
}
