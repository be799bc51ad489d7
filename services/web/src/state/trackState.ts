import type { Job, Task, TaskName, TrackResult } from "../api/client";
import { hasEnded } from "../api/watch";
import { isResultOf, type ResultOf } from "./results";

// Tasks whose results depend on the classification model. `separate` has models of its own.
const BY_MODEL: ReadonlySet<TaskName> = new Set(["classify", "embed", "explain", "features"]);

/** The newest label by a model; null when the recording is unknown to it. */
export type ModelLabel = { model: string; label: string | null };

/** The newest results of a track, by the model in use, and its tasks that have not ended or have failed. */
export class TrackState {
  /** The classification model in use: the selected one, else that of the newest classification; null without one. */
  readonly model: string | null;
  /** The label by every model that has classified the track, newest first. */
  readonly labels: readonly ModelLabel[];
  readonly #results: readonly TrackResult[];
  readonly #tasks: readonly Task[];

  /** Takes results and jobs newest first, and the model that was selected on the page. */
  constructor(results: readonly TrackResult[], jobs: readonly Job[], selected: string | null) {
    this.labels = results.flatMap(labelOf);
    this.model = selected ?? this.labels[0]?.model ?? null;
    this.#results = results.filter(({ task, model }) => !BY_MODEL.has(task) || this.model === null || model === this.model);
    this.#tasks = jobs.flatMap((job) => job.tasks);
  }

  /** The newest result of a task that fits, or null. */
  result<Name extends TaskName>(name: Name, fits: (result: ResultOf<Name>) => boolean = () => true): ResultOf<Name> | null {
    for (const { result } of this.#results) if (isResultOf(result, name) && fits(result)) return result;
    return null;
  }

  has(name: TaskName): boolean {
    return this.#results.some(({ task, result }) => task === name && result !== null);
  }

  /** The newest task of a name that waits or runs, else that has failed and not succeeded since; null without one. */
  task(name: TaskName): Task | null {
    const own = this.#tasks.filter((task) => task.name === name);
    return own.find((task) => !hasEnded(task)) ?? own.find((task) => task.status === "failed" && this.#isLast(task)) ?? null;
  }

  /** Tasks that have not ended. */
  get active(): Task[] {
    return this.#tasks.filter((task) => !hasEnded(task));
  }

  #isLast({ name, finished_at }: Task): boolean {
    const failedAt = Date.parse(finished_at ?? "");
    return !this.#results.some((result) => result.task === name && Date.parse(result.finished_at) > failedAt);
  }
}

function labelOf({ model, result }: TrackResult): ModelLabel[] {
  if (!model || !isResultOf(result, "classify")) return [];
  return [{ model, label: result.unknown ? null : (result.top[0]?.label ?? null) }];
}
