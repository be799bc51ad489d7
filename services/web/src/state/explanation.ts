import { useState } from "react";
import type { ExplainOptions } from "../api/client";
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

export type Explanation = ReturnType<typeof useExplanation>;

/** The evidence that is shown: an earlier result that fits the choice, else that of a new job. `onChoice` is called with each choice. */
export function useExplanation(trackId: string, onChoice: () => void) {
  const { state } = useTrackState();
  const { models } = state;
  const [made, setMade] = useState<{ choice: Choice; models: typeof models } | null>(null);
  const chosen = made && made.models?.join() === models?.join() ? made.choice : null;
  const { submit, submitting, job, problem } = useSubmit(trackId);
  const own = state.explained;
  const wanted = chosen ?? (own && choiceOf(own));
  const newest = (has: (one: ResultOf<"explain">) => boolean) =>
    state.result("explain", (one) => wanted !== null && isOf(one, wanted) && has(one));
  const request = (choice: Choice | null, more: ExplainOptions = {}) => submit({ tasks: ["explain"], options: optionsOf(choice, more) });
  const trust = newest((one) => Boolean(one.trust))?.trust ?? null;
  const stems = newest((one) => Boolean(one.stems))?.stems ?? null;
  return {
    wanted,
    explained: newest(({ heatmap }) => Boolean(heatmap)),
    trust,
    stems,
    submitting,
    job,
    problem,
    /** Shows other evidence. Without any, the change names at least a model and a label. */
    choose: (change: Partial<Choice>) => {
      const { model, label } = change;
      const from = wanted ?? (model && label ? { model, label, layer: null, method: METHODS[0], stretch: null } : null);
      if (!from) return;
      onChoice();
      const next = changed(from, change);
      setMade({ choice: next, models });
      if (!state.result("explain", (one) => isOf(one, next))) request(next);
    },
    /** Shows the recording's own evidence again; null while that is what is shown. */
    reset: wanted?.stretch ? () => setMade(null) : null,
    explainFirst: () => {
      onChoice();
      request(null);
    },
    // A result of a label replaces the one before: what that one had is asked for again.
    checkEvidence: () => request(wanted, { trust: true, ...(stems && { stems: true }) }),
    explainStems: () => request(wanted, { stems: true, ...(trust && { trust: true }) }),
  };
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
