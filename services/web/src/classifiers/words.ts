import { labelText, percent } from "../ui/format";
import type { Classifier, Figures, QueuedWindow } from "./queries";

const LONGEST_NAME = 63;

export const STATES = {
  embedding: "embedding its examples",
  teaching: "being taught",
  ready: "ready",
  failed: "failed",
} as const satisfies Record<Classifier["state"], string>;

/** A text as a classifier's name: `Dog barking!` becomes `dog-barking`; empty when no letter or digit is left. */
export function nameFrom(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, LONGEST_NAME)
    .replace(/[^a-z0-9]+$/, "");
}

/** The accuracy with its interval of 95 %, as `84 % (76 – 90 %)`. */
export function accuracyText(figures: Figures | null): string {
  if (figures === null) return "not measured";
  const { accuracy, accuracy_low: low, accuracy_high: high } = figures;
  if (accuracy === null) return "too few to say";
  return low === null || high === null ? percent(accuracy) : `${percent(accuracy)} (${Math.round(low * 100)} – ${Math.round(high * 100)} %)`;
}

/** Which labels have too few recordings for their figures to say much; empty where all have enough. */
export function tooFewText(figures: Figures | null): string {
  if (figures === null) return "";
  const few = figures.labels.filter(({ too_few }) => too_few).map(({ label }) => labelText(label));
  if (few.length === 0) return "";
  if (few.length === figures.labels.length) return "too few recordings to say";
  return `too few to say of ${few.length === 1 ? few[0] : `${few.length} labels`}`;
}

/** What held-out recordings say of a classifier, in sentences. */
export function figuresText(figures: Figures): string[] {
  const { accuracy, accuracy_low: low, accuracy_high: high, recordings, groups, folds, method, why } = figures;
  const taught = `Taught from ${counted(recordings, "recording")}${groups < recordings ? `, of which ${counted(recordings - groups, "is a near-duplicate of another", "are near-duplicates of others")}` : ""}.`;
  const judged =
    accuracy === null
      ? "No label has two recordings: how often it is right cannot be said."
      : `It named ${percent(accuracy)} of the recordings right when it was not taught on them${low === null || high === null ? "" : ` (${Math.round(low * 100)} – ${Math.round(high * 100)} % with 95 % confidence)`}, in ${counted(folds, "fold")}.`;
  return [judged, taught, unknownText(figures), `Method: ${method}${why ? `; ${why}` : ""}.`, spaceText(figures)].filter(Boolean);
}

/** Which space a version chose by itself, before which others, and why; empty where one was named. */
export function spaceText({ space }: Figures): string {
  if (space?.chosen_by !== "itself") return "";
  const shares = space.tried.flatMap(({ model, accuracy }) => (accuracy === null ? [] : [{ model, text: `${model} (${percent(accuracy)})` }]));
  const own = shares.find(({ model }) => model === space.model)?.text ?? space.model;
  const others = shares.filter(({ model }) => model !== space.model).map(({ text }) => text);
  return `Its space was chosen by itself: ${own}${others.length ? ` before ${others.join(" and ")}` : ""}; ${space.why}.`;
}

function unknownText({ unknown_of_strangers: strangers, unknown_of_known: known }: Figures): string {
  if (strangers === null) return known === null ? "" : `It calls ${percent(known)} of its examples unknown.`;
  return `It calls ${percent(strangers)} of your other recordings unknown${known === null ? "" : `, and ${percent(known)} of its examples`}.`;
}

/** The most frequent confusions: `wind was taken for rain: 3 recordings`. */
export function confusionTexts({ confusions }: Figures): string[] {
  return confusions
    .filter(({ label, taken_for, recordings }) => label !== taken_for && recordings > 0)
    .map(({ label, taken_for, recordings }) => {
      const called = taken_for === null ? "called unknown" : `taken for ${labelText(taken_for)}`;
      return `${labelText(label)} was ${called}: ${counted(recordings, "recording")}`;
    });
}

/** Why a window is asked about. */
export function reasonText({ reason, label, probability }: Pick<QueuedWindow, "reason" | "label" | "probability">): string {
  const name = labelText(label);
  if (reason === "new") return `It is unlike all that was taught. Nearest is ${name}, ${percent(probability)}.`;
  if (reason === "check") return `It seems sure: ${name}, ${percent(probability)}. Is it right?`;
  return `It hesitates between two labels: ${name} has ${percent(probability)}.`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}
