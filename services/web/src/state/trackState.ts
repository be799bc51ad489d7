import type { ClassifyOptions, Job, Task, TaskName, TrackResult } from "../api/client";
import { hasEnded } from "../api/watch";
import { answersOf, AUTO, type Models, modelsOf, sameModels } from "./models";
import { isResultOf, type ResultOf } from "./results";

// Tasks whose results are of one of the models that classified. Embeddings are of bodies, stems of other models.
const OF_A_MODEL: ReadonlySet<TaskName> = new Set(["explain", "features"]);

/** The newest label by a model; null when the recording is unknown to it. */
export type ModelLabel = { model: string; label: string | null };

/** The newest results of a track, by the models in use, and its tasks that have not ended or have failed. */
export class TrackState {
  /** The classification models in use: the selected ones, else those of the newest classification; null without one. */
  readonly models: Models | null;
  /** The newest classification by the models in use. */
  readonly classified: ResultOf<"classify"> | null;
  /** The label by every model that has classified the track, newest first. */
  readonly labels: readonly ModelLabel[];
  readonly #classifications: readonly ResultOf<"classify">[];
  readonly #results: readonly TrackResult[];
  /** The tasks whose results are, or would have been, by the models in use. */
  readonly #tasks: readonly Task[];
  /** The jobs that wait or run. */
  readonly open: readonly Job[];

  /** Takes results and jobs newest first, and the models that were selected on the page. */
  constructor(results: readonly TrackResult[], jobs: readonly Job[], selected: Models | null) {
    this.labels = results.flatMap(labelOf);
    this.#classifications = results.flatMap(({ result }) => (isResultOf(result, "classify") ? [result] : []));
    const [newest] = this.#classifications;
    this.models = selected ?? (newest ? modelsOf(newest) : null);
    this.classified = this.models && this.#by(this.models);
    const answering = this.classified ? answersOf(this.classified).map(({ model }) => model.name) : this.models;
    const fits = ({ task, model }: TrackResult) => !OF_A_MODEL.has(task) || !answering || (model !== null && answering.includes(model));
    this.#results = results.filter(fits);
    this.#tasks = jobs.flatMap((job) => job.tasks.filter(({ name }) => !OF_A_MODEL.has(name) || !answering || this.#isBy(job, answering)));
    this.open = jobs.filter((job) => !hasEnded(job));
  }

  /** The newest result of a task that fits, or null. */
  result<Name extends TaskName>(name: Name, fits: (result: ResultOf<Name>) => boolean = () => true): ResultOf<Name> | null {
    for (const { result } of this.#results) if (isResultOf(result, name) && fits(result)) return result;
    return null;
  }

  /**
   * The evidence for the label that counts, as it was before anyone chose another layer; that of another label where there
   * is no other. Never that of a stretch that was asked for.
   */
  get explained(): ResultOf<"explain"> | null {
    const label = this.classified?.top[0]?.label;
    const found = this.#results.flatMap(({ result, variant }) => (isResultOf(result, "explain") && !result.stretch ? [{ result, unasked: variant === null }] : []));
    const best =
      found.find(({ result, unasked }) => unasked && result.label === label) ?? found.find(({ result }) => result.label === label) ?? found[0];
    return best?.result ?? null;
  }

  /** Whether these models have classified the track. */
  isClassifiedBy(models: Models): boolean {
    return this.#by(models) !== null;
  }

  has(name: TaskName): boolean {
    return this.#results.some(({ task, result }) => task === name && result !== null);
  }

  /** The newest task of a name that waits or runs, else that has failed and not succeeded since; null without one. */
  task(name: TaskName): Task | null {
    const own = this.#tasks.filter((task) => task.name === name);
    return own.find((task) => !hasEnded(task)) ?? own.find((task) => task.status === "failed" && this.#isLast(task)) ?? null;
  }

  /** Whether a task of a name waits or runs. */
  isGoing(name: TaskName): boolean {
    return this.#tasks.some((task) => task.name === name && !hasEnded(task));
  }

  #by(models: Models): ResultOf<"classify"> | null {
    return this.#classifications.find((one) => sameModels(modelsOf(one), models)) ?? null;
  }

  /** Whether a job is by one of some models, as far as it is known which one is chosen by what is heard. */
  #isBy({ options }: Job, models: readonly string[]): boolean {
    const byKind = this.#classifications.find(({ kind }) => kind)?.model.name ?? null;
    const named = [(options?.classify as ClassifyOptions | undefined)?.model ?? AUTO].flat();
    return named.map((name) => (name === AUTO ? byKind : name)).some((name) => name === null || models.includes(name));
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
