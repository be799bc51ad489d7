/** The labels of one of the overlapping windows of a classification. */
export type Window = {
  start_s: number;
  end_s: number;
  silent: boolean;
  unknown: boolean;
  top: { label: string; probability: number }[];
};

/** A part of the recording with one label, or with none. */
export type Segment = { startS: number; endS: number; label: string | null; probability: number };

/** Windows as parts that do not overlap: each covers the times nearest to its middle; neighbours with the same label join. */
export function segments(windows: readonly Window[], durationS: number): Segment[] {
  const found: Segment[] = [];
  windows.forEach((window, at) => {
    const startS = at === 0 ? 0 : between(windows[at - 1], window);
    const endS = at === windows.length - 1 ? durationS : between(window, windows[at + 1]);
    const best = window.unknown || window.silent ? undefined : window.top[0];
    const segment = { startS, endS, label: best?.label ?? null, probability: best?.probability ?? 0 };
    const before = found.at(-1);
    if (before && before.label === segment.label) {
      before.endS = endS;
      before.probability = Math.max(before.probability, segment.probability);
    } else if (endS > startS) found.push(segment);
  });
  return found;
}

function between(first: Window | undefined, second: Window | undefined): number {
  if (!first || !second) return 0;
  return (first.start_s + first.end_s + second.start_s + second.end_s) / 4;
}
