import { useState } from "react";
import type { ExplainOptions, Job } from "../api/client";
import { useListener } from "./listener";
import { useAsk } from "./ask";
import { type Explained, type Layer, type Method, newest } from "./results";

/** What is to be explained, and how; a label that is null is the recording's most probable one. */
export type Chosen = { label: string; layer: Layer; method: Method };

export type Explanation = ReturnType<typeof useExplanation>;

/** The evidence that is looked at: an earlier answer where there is one, else a new one is asked for. */
export function useExplanation(trackId: string, jobs: Job[] | undefined) {
  const { model } = useListener();
  const [made, setMade] = useState<{ choice: Chosen; model: string | null } | null>(null);
  const chosen = made?.model === model ? made.choice : null;
  const { ask, asking, job, problem } = useAsk(trackId);
  const known = jobs ?? [];
  const latest = newest(known, "explain");
  const wanted = chosen ?? (latest && { label: latest.label, layer: latest.layer, method: latest.method });
  const fits = (one: Explained) => wanted !== null && isOf(one, wanted);
  const explained = newest(known, "explain", (one) => fits(one) && one.heatmap !== null);
  const request = (choice: Chosen | null, more: ExplainOptions = {}) =>
    ask({ tasks: ["explain"], options: { explain: { ...choice, ...more } } });
  return {
    wanted,
    explained,
    trust: newest(known, "explain", (one) => fits(one) && one.trust !== null)?.trust ?? null,
    stems: newest(known, "explain", (one) => fits(one) && one.stems !== null)?.stems ?? null,
    asking,
    job,
    problem,
    choose: (change: Partial<Chosen>) => {
      if (!wanted) return;
      const next = { ...wanted, ...change };
      setMade({ choice: next, model });
      if (!newest(known, "explain", (one) => isOf(one, next))) request(next);
    },
    askFirst: () => request(null),
    askTrust: () => request(wanted, { trust: true }),
    askStems: () => request(wanted, { stems: true }),
  };
}

function isOf(one: Explained, { label, layer, method }: Chosen): boolean {
  return one.label === label && one.layer === layer && one.method === method;
}
