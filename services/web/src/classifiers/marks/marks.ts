import { currentKey } from "../../api/session";
import { Store, useStore } from "../../sound/store";
import type { ClassifierRequest, Example } from "../queries";
import { nameFrom } from "../words";

/** A recording or a stretch of it, in seconds, that can be marked. */
export type Markable = { trackId: string; name: string; startS?: number; endS?: number };

/** What was marked as like what is looked for, or as not like it. */
export type Mark = Markable & { like: boolean };

type Marks = { key: string | null; marks: readonly Mark[] };

const store = new Store<Marks>({ key: null, marks: [] });

/** The marks that were made with this key, in this tab. */
export function useMarks(): readonly Mark[] {
  const { key, marks } = useStore(store);
  return key === currentKey() ? marks : NONE;
}

const NONE: readonly Mark[] = [];

/** Marks something, or takes the same mark away. `also` is like it too, once something is. */
export function toggleMark(what: Markable, like: boolean, also?: Markable): void {
  const key = currentKey();
  const before = store.get();
  const marks = key === before.key ? before.marks : NONE;
  store.set({ key, marks: toggled(marks, { ...what, like }, also) });
}

export function clearMarks(): void {
  store.set({ key: null, marks: [] });
}

/** The marks after one was made, or taken away where it was there. */
export function toggled(marks: readonly Mark[], mark: Mark, also?: Markable): readonly Mark[] {
  const known = marks.find((one) => isSame(one, mark));
  const others = marks.filter((one) => one !== known);
  if (known?.like === mark.like) return others;
  const withAlso = also && !others.some((one) => isSame(one, also)) && !isSame(also, mark) ? [...others, { ...also, like: true }] : others;
  return [...withAlso, mark];
}

export function isSame(one: Markable, other: Markable): boolean {
  return one.trackId === other.trackId && one.startS === other.startS && one.endS === other.endS;
}

/** What is asked for to tell the marked from each other; null while one kind of marks is missing or it has no name. */
export function requestFrom(marks: readonly Mark[], label: string): ClassifierRequest | null {
  const said = label.trim();
  const name = nameFrom(said);
  const of = (like: boolean) => marks.filter((mark) => mark.like === like).map(exampleOf);
  if (!name || !of(true).length || !of(false).length) return null;
  const opposite = `not ${said}`;
  return { name, labels: [said, opposite], examples: { [said]: of(true), [opposite]: of(false) } };
}

function exampleOf({ trackId, startS, endS }: Mark): Example {
  return startS === undefined || endS === undefined ? trackId : { track_id: trackId, start_s: startS, end_s: endS };
}
