import type { AnyResult, ExplainOptions, TaskName } from "../api/client";

/** The result of one task. */
export type ResultOf<Name extends TaskName> = Extract<AnyResult, { task: Name }>;

export type Layer = NonNullable<ExplainOptions["layer"]>;
export type Method = NonNullable<ExplainOptions["method"]>;

export const LAYERS = ["layer1", "layer2", "layer3", "layer4"] as const satisfies readonly Layer[];
export const METHODS = ["grad-cam", "grad-cam++", "hirescam"] as const satisfies readonly Method[];

export function isResultOf<Name extends TaskName>(result: AnyResult | null, name: Name): result is ResultOf<Name> {
  return result?.task === name;
}

/** Every label that some window has, most probable first. */
export function predictedLabels({ top, windows }: ResultOf<"classify">): string[] {
  const best = new Map<string, number>();
  for (const { label, probability } of [top, ...windows.map((window) => window.top)].flat()) {
    best.set(label, Math.max(probability, best.get(label) ?? 0));
  }
  return [...best.entries()].sort((a, b) => b[1] - a[1]).map(([label]) => label);
}
