import { useState } from "react";
import type { ExplainOptions } from "../api/client";
import { useSubmit } from "./submit";
import { LAYERS, type Layer, type Method, type ResultOf } from "./results";
import { useTrackState } from "./TrackStateProvider";

/** What is explained, and how. */
export type Choice = { label: string; layer: Layer; method: Method };

export type Explanation = ReturnType<typeof useExplanation>;

/** The evidence that is shown: an earlier result that fits the choice, else that of a new job. */
export function useExplanation(trackId: string) {
  const { state } = useTrackState();
  const { model } = state;
  const [made, setMade] = useState<{ choice: Choice; model: string | null } | null>(null);
  const chosen = made?.model === model ? made.choice : null;
  const { submit, submitting, job, problem } = useSubmit(trackId);
  const latest = state.result("explain");
  const wanted = chosen ?? (latest && choiceOf(latest));
  const newest = (has: (one: ResultOf<"explain">) => boolean) =>
    state.result("explain", (one) => wanted !== null && isOf(one, wanted) && has(one));
  const request = (choice: Choice | null, more: ExplainOptions = {}) =>
    submit({ tasks: ["explain"], options: { explain: { ...choice, ...more } } });
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
      const next = { ...wanted, ...change };
      setMade({ choice: next, model });
      if (!state.result("explain", (one) => isOf(one, next))) request(next);
    },
    explainFirst: () => request(null),
    // A result of a label replaces the one before: what that one had is asked for again.
    checkEvidence: () => request(wanted, { trust: true, ...(stems && { stems: true }) }),
    explainStems: () => request(wanted, { stems: true, ...(trust && { trust: true }) }),
  };
}

function choiceOf({ label, layer, method }: ResultOf<"explain">): Choice {
  return { label, layer: LAYERS.find((one) => one === layer) ?? "layer4", method };
}

function isOf(one: ResultOf<"explain">, { label, layer, method }: Choice): boolean {
  return one.label === label && one.layer === layer && one.method === method;
}
