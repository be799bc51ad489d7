import { useState } from "react";
import type { ClassifyOptions, ExplainOptions, Job, Task } from "../api/client";
import { hasEnded } from "../api/watch";
import { useMayWrite } from "./mayWrite";
import { AUTO } from "./models";
import { useSubmit } from "./submit";
import { METHODS, type Method, type ResultOf } from "./results";
import { useTrackState } from "./TrackStateProvider";

/** A part of the recording, in seconds. */
export type Stretch = { startS: number; endS: number };

/**
 * What is explained, and how: a label of a model, at a layer of its network (its default one for null), in a stretch that
 * was asked for (null: the whole of a short recording, of a long one where the label is strongest).
 */
export type Choice = { model: string; label: string; layer: string | null; method: Method; stretch: Stretch | null };

/** What of the evidence the page draws. */
const SHOWN = "heatmap";

export type Explanation = ReturnType<typeof useExplanation>;

/** What of a choice is asked for besides the evidence itself. */
type More = Pick<ExplainOptions, "trust" | "stems">;

/** The evidence that is shown: an earlier result that fits the choice, else that of a new job. `onChoice` is called with each choice. */
export function useExplanation(trackId: string, onChoice: () => void) {
  const { state } = useTrackState();
  const { models } = state;
  const mayWrite = useMayWrite();
  const [made, setMade] = useState<{ choice: Choice; models: typeof models } | null>(null);
  const chosen = made && made.models?.join() === models?.join() ? made.choice : null;
  const { submit, submissions, problem } = useSubmit(trackId);
  const own = state.explained;
  const wanted = chosen ?? (own && choiceOf(own));
  const newest = (has: (one: ResultOf<"explain">) => boolean) =>
    state.result("explain", (one) => wanted !== null && isOf(one, wanted) && has(one));
  const going = [...submissions.map(({ asked, job }) => ({ options: job?.options ?? asked.options, task: taskOf(job) })), ...state.open.flatMap(unfinished)];
  const find = (choice: Choice | null, more: More = {}) => going.find(({ options }) => isAsked(options, choice, more, state.classified));
  const request = (choice: Choice | null, more: More = {}) => {
    if (find(choice, more)) return;
    const isSame = (job: Job) => unfinished(job).some(({ options }) => isAsked(options, choice, more, state.classified));
    submit({ tasks: ["explain"], options: optionsOf(choice, more), isSame });
  };
  const chosenBy = (change: Partial<Choice>): Choice | null => {
    const { model, label } = change;
    const from = wanted ?? (model && label ? { model, label, layer: null, method: METHODS[0], stretch: null } : null);
    return from && changed(from, change);
  };
  const offers = (change: Partial<Choice>) => {
    const next = chosenBy(change);
    return next !== null && (mayWrite || state.result("explain", (one) => isOf(one, next) && Boolean(one.heatmap)) !== null);
  };
  const trust = newest((one) => Boolean(one.trust))?.trust ?? null;
  const stems = newest((one) => Boolean(one.stems))?.stems ?? null;
  const computed = find(wanted);
  const checking = find(wanted, { trust: true }) !== undefined;
  const explainingStems = find(wanted, { stems: true }) !== undefined;
  return {
    wanted,
    explained: newest(({ heatmap }) => Boolean(heatmap)),
    trust,
    stems,
    /** Whether what is wanted is being computed, here or for another page; and its task once that is known. */
    computing: computed !== undefined,
    task: computed?.task && !hasEnded(computed.task) ? computed.task : null,
    checking,
    explainingStems,
    problem,
    /** Whether other evidence can be shown: it is there, or can be asked for by whoever looks. */
    offers,
    /** Shows other evidence that it offers. Without any, the change names at least a model and a label. */
    choose: (change: Partial<Choice>) => {
      const next = chosenBy(change);
      if (!next || !offers(change)) return;
      onChoice();
      setMade({ choice: next, models });
      if (!state.result("explain", (one) => isOf(one, next))) request(next);
    },
    /** Shows the recording's own evidence again; null while that is what is shown. */
    reset: wanted?.stretch ? () => setMade(null) : null,
    explainFirst: () => {
      onChoice();
      request(null);
    },
    // A result of a label replaces the one before: what that one has, or will have, is asked for again.
    checkEvidence: () => request(wanted, { trust: true, ...((stems || explainingStems) && { stems: true }) }),
    explainStems: () => request(wanted, { stems: true, ...((trust || checking) && { trust: true }) }),
  };
}

type Asked = { [task: string]: unknown };

/**
 * Whether options are of a job that computes a choice with what is asked for besides, so that it need not be asked for again.
 * Without a label it explains the one that counts in `classified`. A choice of null is what the models in use decide.
 */
export function isAsked(options: Asked | undefined, choice: Choice | null, more: More, classified: ResultOf<"classify"> | null): boolean {
  const asked = options?.explain as ExplainOptions | undefined;
  if (!asked || (more.trust && !asked.trust) || (more.stems && !asked.stems)) return false;
  if (!(asked.artifacts ?? [SHOWN]).includes(SHOWN)) return false;
  if (!choice) return asked.label == null && asked.start_s == null && asked.end_s == null;
  const { model, label, layer, method, stretch } = choice;
  const [named] = [(options?.classify as ClassifyOptions | undefined)?.model ?? AUTO].flat();
  const by = named === AUTO ? classified?.model.name : named;
  const isThere = (asked.start_s ?? null) === (stretch?.startS ?? null) && (asked.end_s ?? null) === (stretch?.endS ?? null);
  const isLayer = layer === null || asked.layer === layer;
  return isThere && isLayer && by === model && (asked.label ?? classified?.top[0]?.label) === label && (asked.method ?? METHODS[0]) === method;
}

function taskOf(job: Job | null): Task | null {
  return job?.tasks.find(({ name }) => name === "explain") ?? null;
}

/** What a job explains and has not yet. */
function unfinished(job: Job): { options: Asked | undefined; task: Task }[] {
  const task = taskOf(job);
  return task && !hasEnded(task) ? [{ options: job.options, task }] : [];
}

/** A changed choice. Another model has other layers: its default one is chosen. */
export function changed(choice: Choice, change: Partial<Choice>): Choice {
  const layer = change.model === undefined || change.model === choice.model ? choice.layer : null;
  return { ...choice, layer, ...change };
}

/** The options of a job that explains a choice; what the models in use decide for null. */
export function optionsOf(choice: Choice | null, more: ExplainOptions) {
  if (!choice) return { explain: more };
  const { model, label, layer, method, stretch } = choice;
  const at = stretch && { start_s: stretch.startS, end_s: stretch.endS };
  return { classify: { model }, explain: { label, method, ...(layer && { layer }), ...at, ...more } };
}

function choiceOf({ model, label, layer, method }: ResultOf<"explain">): Choice {
  return { model: model.name, label, layer, method, stretch: null };
}

/** Whether a result is of a choice; one at any layer is of a choice of the default layer. */
export function isOf(one: ResultOf<"explain">, { model, label, layer, method, stretch }: Choice): boolean {
  const asked = one.stretch ?? null;
  const isThere = stretch ? asked?.start_s === stretch.startS && asked.end_s === stretch.endS : asked === null;
  return isThere && one.model.name === model && one.label === label && (layer === null || one.layer === layer) && one.method === method;
}
