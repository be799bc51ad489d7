import type { AnyResult, ExplainOptions, TaskName } from "../api/client";

/** The result of one task. */
export type ResultOf<Name extends TaskName> = Extract<AnyResult, { task: Name }>;

export type Method = NonNullable<ExplainOptions["method"]>;

export const METHODS = ["grad-cam++", "grad-cam", "hirescam"] as const satisfies readonly Method[];

export function isResultOf<Name extends TaskName>(result: AnyResult | null, name: Name): result is ResultOf<Name> {
  return result?.task === name;
}

/** Every label of a model that the recording or a window has, most probable first. */
export function predictedLabels({ model, top, answers = [], windows }: ResultOf<"classify">, name: string): string[] {
  const best = new Map<string, number>();
  const whole = answers.length ? answers : [{ model, top }];
  const own = [
    ...whole.filter((answer) => answer.model.name === name).map((answer) => answer.top),
    ...windows.filter((window) => (window.model ?? model.name) === name).map((window) => window.top),
  ];
  for (const { label, probability } of own.flat()) {
    best.set(label, Math.max(probability, best.get(label) ?? 0));
  }
  return [...best.entries()].sort((a, b) => b[1] - a[1]).map(([label]) => label);
}

/** The window of an explanation in which the label is most probable, which is the one that is checked; undefined in silence. */
export function strongestOf(windows: ResultOf<"explain">["windows"]): ResultOf<"explain">["windows"][number] | undefined {
  return windows.filter(({ silent }) => !silent).sort((one, other) => other.probability - one.probability)[0];
}

/** Whether evidence says anything about bands: a layer with one row would show how many rows of the spectrogram each has. */
export function tellsBandsApart({ cell_bands }: Pick<ResultOf<"explain">, "cell_bands">): boolean {
  return cell_bands !== 1;
}
