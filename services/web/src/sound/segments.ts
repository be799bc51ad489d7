import type { Kind } from "../api/client";

/** The labels of one of the overlapping windows of a classification, and what is heard there where that was told apart. */
export type Window = {
  start_s: number;
  end_s: number;
  silent: boolean;
  unknown: boolean;
  top: { label: string; probability: number }[];
  kind?: Kind | null;
  model?: string | null;
};

type Heard = { label: string | null; silent: boolean; kind: Kind | null; model: string | null };

/** A part of the recording with one label, or with none, of one kind and by one model. */
export type Segment = Heard & { startS: number; endS: number; probability: number };

/** Windows as parts that do not overlap: each covers the times nearest to its middle; equal neighbours join. */
export function segments(windows: readonly Window[], durationS: number): Segment[] {
  const found: Segment[] = [];
  windows.forEach((window, at) => {
    const startS = at === 0 ? 0 : between(windows[at - 1], window);
    const endS = at === windows.length - 1 ? durationS : between(window, windows[at + 1]);
    const { kind = null, model = null } = window;
    const silent = window.silent || kind === "silence";
    const best = window.unknown || silent ? undefined : window.top[0];
    const segment = { startS, endS, label: best?.label ?? null, probability: best?.probability ?? 0, silent, kind, model };
    const before = found.at(-1);
    if (before && areEqual(before, segment)) {
      before.endS = endS;
      before.probability = Math.max(before.probability, segment.probability);
    } else if (endS > startS) found.push(segment);
  });
  return found;
}

function areEqual(one: Heard, other: Heard): boolean {
  return one.label === other.label && one.silent === other.silent && one.kind === other.kind && one.model === other.model;
}

function between(first: Window | undefined, second: Window | undefined): number {
  if (!first || !second) return 0;
  return (first.start_s + first.end_s + second.start_s + second.end_s) / 4;
}
