import { api, dataOf, type LabelState } from "../api/client";
import { ApiProblem } from "../api/problem";
import type { components } from "../api/schema";

type Kept = components["schemas"]["KeptLabel"];

/** What is said of a label: that it is right, or wrong. */
export type Said = { label: string; state: LabelState };

/** A part of a recording, in seconds. */
export type Span = { startS: number; endS: number };

/** A label as it was kept before a change; `state` is null where it was not. */
export type Before = { label: string; start_s: number | null; end_s: number | null; state: LabelState | null };

/** The states that a change gave to labels, null where it removed one, by the labels. */
export type Made = ReadonlyMap<string, LabelState | null>;

const MOST_TRIES = 5;
const OUTDATED = 412;
const MILLI = 1_000;

/** What the owner confirmed and rejected of a recording. Throws an `ApiProblem` when the service refuses. */
export async function readLabels(trackId: string, signal: AbortSignal | null = null) {
  return dataOf(await api.GET("/v1/tracks/{track_id}/labels", { params: { path: { track_id: trackId } }, signal })) as {
    labels: Kept[];
    revision: number;
  };
}

/**
 * Says labels of a span, of the whole recording for null. Returns what undoes it; nothing of what others say meanwhile is lost.
 *
 * `expect` is called before anything is said, with what will undo it. Throws an `ApiProblem` when the service refuses.
 */
export function changeLabels(
  trackId: string,
  span: Span | null,
  said: readonly Said[],
  expect: (before: Before[]) => void = () => undefined,
): Promise<Before[]> {
  const placed = span ? { start_s: thousandths(span.startS), end_s: thousandths(span.endS) } : {};
  return unlessOutdated(async () => {
    const { labels, revision } = await readLabels(trackId);
    // A span as long as the recording is kept as a label of the whole.
    const whole = span?.startS === 0 ? undoing(labels, after(labels, null, said)) : [];
    expect([...undoing(labels, after(labels, span && placed, said)), ...whole]);
    let [now, tag] = [labels, revision];
    for (const { label, state } of said) {
      const params = { path: { track_id: trackId }, header: { "if-match": `"${tag}"` } };
      const made = dataOf(await api.POST("/v1/tracks/{track_id}/labels", { params, body: { label, state, ...placed } }));
      [now, tag] = [made.labels, made.revision];
    }
    return undoing(labels, now);
  });
}

/**
 * Puts labels back to what they were before a change, of those that now are as it `made` them where that is given: what somebody
 * else has changed since stays. Returns what undoes it, which is nothing where nothing was put back.
 *
 * Throws an `ApiProblem` when the service refuses.
 */
export function restoreLabels(trackId: string, before: readonly Before[], made?: Made): Promise<Before[]> {
  return unlessOutdated(async () => {
    const { labels, revision } = await readLabels(trackId);
    const wanted = restored(labels, before, made);
    if (undoing(labels, wanted).length === 0) return [];
    const params = { path: { track_id: trackId }, header: { "if-match": `"${revision}"` } };
    const now = dataOf(await api.PUT("/v1/tracks/{track_id}/labels", { params, body: { labels: wanted } }));
    return undoing(labels, now.labels);
  });
}

/** The labels as they will be. */
function after(labels: readonly Placed[], placed: { start_s?: number; end_s?: number } | null, said: readonly Said[]): Placed[] {
  const made = said.map(({ label, state }) => ({ label, state, start_s: placed?.start_s ?? null, end_s: placed?.end_s ?? null }));
  return [...byKey([...labels, ...made]).values()];
}

/** What turns the labels after a change into those before it. */
export function undoing(before: readonly Placed[], after: readonly Placed[]): Before[] {
  const [old, made] = [byKey(before), byKey(after)];
  const keys = [...new Set([...old.keys(), ...made.keys()])];
  return keys
    .filter((key) => old.get(key)?.state !== made.get(key)?.state)
    .map((key) => {
      const { label, start_s, end_s } = (old.get(key) ?? made.get(key)) as Placed;
      return { label, start_s, end_s, state: old.get(key)?.state ?? null };
    });
}

/** The states of labels that are said, by the labels as the service keeps them. */
export function madeOf(said: readonly Pick<Before, "label" | "state">[]): Made {
  return new Map(said.map(({ label, state }) => [label.trim().normalize("NFC"), state]));
}

/** The labels as they are to be sent, with these put back; where `made` is given, only those that have the state that it gave. */
export function restored(labels: readonly Placed[], before: readonly Before[], made?: Made): Placed[] {
  const kept = byKey(labels);
  for (const one of before) {
    const { label, start_s, end_s, state } = one;
    const key = keyOf(one);
    if (made && (kept.get(key)?.state ?? null) !== made.get(label)) continue;
    if (state === null) kept.delete(key);
    else kept.set(key, { label, start_s, end_s, state });
  }
  return [...kept.values()].map(({ label, start_s, end_s, state }) => ({ label, start_s, end_s, state }));
}

type Placed = Pick<Kept, "label" | "start_s" | "end_s" | "state">;

function byKey(labels: readonly Placed[]): Map<string, Placed> {
  return new Map(labels.map((one) => [keyOf(one), one]));
}

function keyOf({ label, start_s, end_s }: Pick<Placed, "label" | "start_s" | "end_s">): string {
  return JSON.stringify([label, start_s, end_s]);
}

async function unlessOutdated<T>(change: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === OUTDATED) || tries === MOST_TRIES) throw error;
    }
  }
}

/** A time as labels have it, in seconds: windows' ends are kept in single precision. */
export function thousandths(seconds: number): number {
  return Math.round(seconds * MILLI) / MILLI;
}
