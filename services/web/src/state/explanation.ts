import { useState } from "react";
import type { ExplainOptions } from "../api/client";
import { useSubmit } from "./submit";
import type { Method, ResultOf } from "./results";
import { useTrackState } from "./TrackStateProvider";

/** What is explained, and how: a label of a model, at a layer of its network; at the model's default layer for null. */
export type Choice = { model: string; label: string; layer: string | null; method: Method };

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
    choose: (change: Partial<Choice>) => {
      if (!wanted) return;
      onChoice();
      const next = changed(wanted, change);
      setMade({ choice: next, models });
      if (!state.result("explain", (one) => isOf(one, next))) request(next);
    },
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
  const { model, label, layer, method } = choice;
  return { classify: { model }, explain: { label, method, ...(layer && { layer }), ...more } };
}

function choiceOf({ model, label, layer, method }: ResultOf<"explain">): Choice {
  return { model: model.name, label, layer, method };
}

/** Whether a result is of a choice; one at any layer is of a choice of the default layer. */
export function isOf(one: ResultOf<"explain">, { model, label, layer, method }: Choice): boolean {
  return one.model.name === model && one.label === label && (layer === null || one.layer === layer) && one.method === method;
}
