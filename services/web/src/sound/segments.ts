import type { Kind, LabelState } from "../api/client";

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

/** Edges that programs have rounded leave less than this between them. */
const LEAST_S = 0.001;

type Heard = { label: string | null; silent: boolean; kind: Kind | null; model: string | null };

/** A part of the recording with one label, or with none, of one kind and by one model; or with one that its owner confirmed. */
export type Segment = Heard & { startS: number; endS: number; probability: number; confirmed: boolean };

/** Windows as parts that do not overlap: each covers the times nearest to its middle; equal neighbours join. */
export function segments(windows: readonly Window[], durationS: number): Segment[] {
  const found: Segment[] = [];
  windows.forEach((window, at) => {
    const startS = at === 0 ? 0 : between(windows[at - 1], window);
    const endS = at === windows.length - 1 ? durationS : between(window, windows[at + 1]);
    const { kind = null, model = null } = window;
    const silent = window.silent || kind === "silence";
    const best = window.unknown || silent ? undefined : window.top[0];
    const segment = { startS, endS, label: best?.label ?? null, probability: best?.probability ?? 0, silent, kind, model, confirmed: false };
    const before = found.at(-1);
    if (before && areEqual(before, segment)) {
      before.endS = endS;
      before.probability = Math.max(before.probability, segment.probability);
    } else if (endS > startS) found.push(segment);
  });
  return found;
}

/** The labels of windows, each once, the one that lasts longest first. */
export function labelsInParts(windows: readonly Window[]): string[] {
  const lastsS = new Map<string, number>();
  for (const { label, startS, endS } of segments(windows, windows.at(-1)?.end_s ?? 0)) {
    if (label !== null) lastsS.set(label, (lastsS.get(label) ?? 0) + endS - startS);
  }
  return [...lastsS].sort(([, one], [, other]) => other - one).map(([label]) => label);
}

/** What the owner says of a label: of the whole recording without `start_s`, of a point without `end_s` alone. `key_id` is who said it. */
export type SaidLabel = { label: string; state: LabelState; start_s: number | null; end_s: number | null; key_id?: string | null };

/** What is shown over time: what the owner confirmed of stretches, and of the predictions what is `unsaid`, in the order of time. */
export function corrected(found: readonly Segment[], said: readonly SaidLabel[]): Segment[] {
  return [...unsaid(found, said), ...said.flatMap(confirmedIn)].sort((one, other) => one.startS - other.startS);
}

function confirmedIn({ label, state, start_s, end_s }: SaidLabel): Segment[] {
  if (state !== "confirmed" || start_s === null || end_s === null) return [];
  return [{ startS: start_s, endS: end_s, label, probability: 1, silent: false, kind: null, model: null, confirmed: true }];
}

/** The segments without what the owner said something of: of each the parts that are in no span with its label. */
export function unsaid(found: readonly Segment[], said: readonly SaidLabel[]): Segment[] {
  const rejected = new Set(said.filter(({ state, start_s }) => start_s === null && state === "rejected").map(({ label }) => label));
  return found.filter(({ label }) => label === null || !rejected.has(label)).flatMap((segment) => partsOf(segment, said));
}

function partsOf(segment: Segment, said: readonly SaidLabel[]): Segment[] {
  const parts: Segment[] = [];
  let from = segment.startS;
  for (const [startS, endS] of spansOf(segment.label, said)) {
    if (endS <= from || startS >= segment.endS) continue;
    if (startS - from > LEAST_S) parts.push({ ...segment, startS: from, endS: startS });
    from = endS;
  }
  if (segment.endS - from > LEAST_S) parts.push({ ...segment, startS: from });
  return parts;
}

function spansOf(label: string | null, said: readonly SaidLabel[]): [number, number][] {
  return said
    .flatMap((one): [number, number][] => (one.label === label && one.start_s !== null && one.end_s !== null ? [[one.start_s, one.end_s]] : []))
    .sort(([a], [b]) => a - b);
}

function areEqual(one: Heard, other: Heard): boolean {
  return one.label === other.label && one.silent === other.silent && one.kind === other.kind && one.model === other.model;
}

function between(first: Window | undefined, second: Window | undefined): number {
  if (!first || !second) return 0;
  return (first.start_s + first.end_s + second.start_s + second.end_s) / 4;
}
