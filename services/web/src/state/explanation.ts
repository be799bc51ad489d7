import { useState } from "react";
import type { ExplainOptions } from "../api/client";
import { useAsk } from "./ask";
import type { Explained, Layer, Method } from "./results";
import { useTrackState } from "./TrackStateProvider";

/** What is explained, and how. */
export type Choice = { label: string; layer: Layer; method: Method };

export type Explanation = ReturnType<typeof useExplanation>;

/** The evidence that is shown: an earlier result where one fits the choice, else a new job is asked for. */
export function useExplanation(trackId: string) {
  const { state } = useTrackState();
  const { model } = state;
  const [made, setMade] = useState<{ choice: Choice; model: string | null } | null>(null);
  const chosen = made?.model === model ? made.choice : null;
  const { ask, asking, job, problem } = useAsk(trackId);
  const latest = state.result("explain");
  const wanted = chosen ?? (latest && { label: latest.label, layer: latest.layer, method: latest.method });
  const newest = (has: (one: Explained) => boolean) =>
    state.result("explain", (one) => wanted !== null && isOf(one, wanted) && has(one));
  const request = (choice: Choice | null, more: ExplainOptions = {}) =>
    ask({ tasks: ["explain"], options: { explain: { ...choice, ...more } } });
  return {
    wanted,
    explained: newest(({ heatmap }) => heatmap !== null),
    trust: newest(({ trust }) => trust !== null)?.trust ?? null,
    stems: newest(({ stems }) => stems !== null)?.stems ?? null,
    asking,
    job,
    problem,
    choose: (change: Partial<Choice>) => {
      if (!wanted) return;
      const next = { ...wanted, ...change };
      setMade({ choice: next, model });
      if (!state.result("explain", (one) => isOf(one, next))) request(next);
    },
    askFirst: () => request(null),
    askTrust: () => request(wanted, { trust: true }),
    askStems: () => request(wanted, { stems: true }),
  };
}

function isOf(one: Explained, { label, layer, method }: Choice): boolean {
  return one.label === label && one.layer === layer && one.method === method;
}
