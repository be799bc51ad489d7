import type { Answer, Kind } from "../api/client";
import type { ResultOf } from "./results";

/** Which models classify: `auto` alone, which chooses by what is heard, or models by name, the one that counts first. */
export type Models = readonly [string, ...string[]];

type Labelled = Answer["top"][number];

export const AUTO = "auto";
/** The models are chosen by what is heard. */
const BY_KIND: Models = [AUTO];

const FEWEST_TAGS = 3;
const SHOWN_OF_ONE = 3;

/** The models of names, or null without any. */
export function modelsNamed(names: readonly string[]): Models | null {
  const [first, ...others] = names;
  return first === undefined ? null : [first, ...others];
}

/** The models that a classification was requested with. */
export function modelsOf({ kind, model, answers = [] }: ResultOf<"classify">): Models {
  if (kind) return BY_KIND;
  return modelsNamed(answers.map((answer) => answer.model.name)) ?? [model.name];
}

export function sameModels(one: Models, other: Models): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}

/** The value of `options.classify.model`. */
export function modelOption(models: Models): string | string[] {
  return models.length === 1 ? models[0] : [...models];
}

/** The models as a text. */
export function modelsText(models: Models): string {
  return models[0] === AUTO ? "chosen by what is heard" : models.join(", ");
}

/** That others have classified a recording, but not these models, as a sentence. */
export function notHeardText(models: Models | null): string {
  const these = models?.[0] === AUTO ? "models that are chosen by what is heard" : (models?.join(" and ") ?? "this model");
  return `It was not classified by ${these}; others have classified it.`;
}

/** Each model's answer, that of the one that counts first. An older result has that one alone. */
export function answersOf({ model, top, unknown, answers = [] }: ResultOf<"classify">): Answer[] {
  return answers.length ? answers : [{ model, top, unknown, several: false, thresholds: [] }];
}

/** The labels that an answer is shown by: where several can hold those that count, filled up to three; else the first three. */
export function shownLabels({ top, several, thresholds }: Answer): Labelled[] {
  if (!several) return top.slice(0, SHOWN_OF_ONE);
  const counts = top.map(({ probability }, at) => probability >= (thresholds[at] ?? 0));
  let missing = Math.max(0, FEWEST_TAGS - counts.filter(Boolean).length);
  return top.filter((_, at) => counts[at] || missing-- > 0);
}

/** The labels that an answer adds to the one that counts: one where only one can hold, and none where it is unknown. */
export function tagsOf(answer: Answer): Labelled[] {
  if (answer.several) return shownLabels(answer);
  return answer.unknown ? [] : answer.top.slice(0, 1);
}

/** The probability from which a label of an answer counts; undefined when the answer does not say. */
export function thresholdOf({ top, thresholds }: Answer, label: string): number | undefined {
  return thresholds[top.findIndex((one) => one.label === label)];
}

export type KindOfStretch = { kind: Kind; models: string[] };

/** The kinds of a recording's windows in the order in which they are first heard, with the models that answer for each. */
export function kindsHeard(windows: ResultOf<"classify">["windows"]): KindOfStretch[] {
  const found = new Map<Kind, Set<string>>();
  for (const { kind, model, silent } of windows) {
    if (!kind) continue;
    const models = found.get(kind) ?? new Set<string>();
    if (model && !silent && kind !== "silence") models.add(model);
    found.set(kind, models);
  }
  return [...found].map(([kind, models]) => ({ kind, models: [...models] }));
}
