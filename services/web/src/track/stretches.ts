import type { Stretch } from "../state/explanation";
import type { ResultOf } from "../state/results";

/** Seconds that the service explains at once. */
const MOST_S = 30;
const LEAST_S = 0.5;
/** Seconds around the playhead that are asked about: one window. */
export const AROUND_S = 5;

type Windows = ResultOf<"classify">["windows"];

/** What is asked about at a place: a stretch, and the label that is most probable in its middle; null for silence. */
export type Here = { stretch: Stretch; heard: { model: string; label: string } | null };

/**
 * The stretch to ask about: the loop where it is short enough to be explained, else 5 s around the playhead, in tenths of a
 * second within the recording.
 */
export function stretchAt(nowS: number, loop: Stretch | null, durationS: number): Stretch {
  const fits = loop && loop.endS - loop.startS >= LEAST_S && loop.endS - loop.startS <= MOST_S;
  const startS = Math.max(0, Math.min(nowS - AROUND_S / 2, durationS - AROUND_S));
  const asked = fits ? loop : { startS, endS: startS + AROUND_S };
  return { startS: tenths(asked.startS), endS: Math.max(tenths(asked.startS) + 0.1, tenths(Math.min(asked.endS, durationS))) };
}

/** The label of a classification at a stretch: the most probable of the window nearest to its middle. */
export function heardIn({ windows, model }: Pick<ResultOf<"classify">, "windows" | "model">, { startS, endS }: Stretch): Here["heard"] {
  const middle = (startS + endS) / 2;
  const near = nearest(windows, middle);
  const best = near && !near.silent && near.kind !== "silence" ? near.top[0] : undefined;
  return best ? { model: near?.model ?? model.name, label: best.label } : null;
}

function nearest(windows: Windows, atS: number): Windows[number] | undefined {
  const distance = ({ start_s, end_s }: Windows[number]) => Math.abs((start_s + end_s) / 2 - atS);
  return windows.reduce<Windows[number] | undefined>((best, one) => (best && distance(best) <= distance(one) ? best : one), undefined);
}

function tenths(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
