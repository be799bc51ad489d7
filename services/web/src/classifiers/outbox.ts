import { ROOT_PATH } from "../api/root";
import { ApiProblem, CROSS_SITE } from "../api/problem";
import { ownerMark } from "../api/session";
import { Store } from "../sound/store";
import { type Before, changeLabels, restoreLabels, type Said } from "./labelling";
import { hold, knowsTabs, THIS_TAB, whenGone } from "./tabs";

/** A change of labels that is kept until the service has it: what an answer says, or what undoes one. */
export type Change = {
  id: string;
  at: number;
  classifier: string;
  trackId: string;
  filename: string;
  startS: number;
  endS: number;
  said: Said[];
  before: Before[] | null;
  /** What undoes it, once it was sent and no answer came: the service may have it. */
  maybe?: Before[];
  /** The tab that sends it, as long as that one is open. */
  tab?: string;
};

/** What waits to be sent, and what the service refused. */
export type Waiting = { changes: readonly Change[]; failing: string | null; refused: readonly { change: Change; why: unknown }[] };

/** Sends a change; says what would undo it before the service can have it. Returns what undoes it. */
type Send = (change: Change, expect: (before: Before[]) => void) => Promise<Before[]>;

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const SIGNED_OUT = 401;

/**
 * Sends changes one after the other, in the order in which they were made. What could not be sent stays in this browser.
 *
 * A change belongs to the tab that made it, which alone sends it or takes it back. Once that tab is gone another one takes it over.
 */
export class Outbox {
  readonly waiting = new Store<Waiting>({ changes: [], failing: null, refused: [] });
  /** Is called when the service has a change. */
  onSent: ((change: Change) => void) | undefined;
  /** What closed tabs have left. */
  readonly found: Change[] = [];
  readonly #kept: Storage;
  readonly #send: Send;
  readonly #tab: string;
  readonly #owner: string;
  readonly #prefix: string;
  readonly #before = new Map<string, Before[]>();
  readonly #takenBack = new Set<string>();
  readonly #awaited = new Set<string>();
  #flushing = false;
  #sending: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = FIRST_WAIT_MS;

  /** Takes up what was left in the storage for this classifier and this owner. */
  constructor(classifier: string, kept: Storage = localStorage, send: Send = sent, tab = THIS_TAB) {
    void hold(tab);
    this.#kept = kept;
    this.#send = send;
    this.#tab = tab;
    this.#owner = ownerMark();
    this.#prefix = `phonoscope.answer${ROOT_PATH} ${this.#owner} ${classifier} `;
    this.#takeOver();
    globalThis.addEventListener?.("storage", ({ key }) => {
      if (knowsTabs() && key?.startsWith(this.#prefix)) this.#takeOver();
    });
  }

  /** Keeps a change and sends it; `first` puts it before all others. */
  add(change: Change, first = false): void {
    const own = { ...change, tab: this.#tab };
    this.#keep(own);
    const { changes } = this.waiting.get();
    this.waiting.update({ changes: first ? [own, ...changes] : [...changes, own] });
    void this.flush();
  }

  /** Takes an answer back: what was never sent is dropped, what the service has or may have is undone. */
  undo(change: Change): void {
    const before = this.#before.get(change.id);
    if (before) this.add(undoOf(change, before), true);
    else if (this.isRefused(change.id)) this.dismiss(change.id);
    else if (this.#sending === change.id) this.#takenBack.add(change.id);
    else this.#drop(change.id);
  }

  isRefused(id: string): boolean {
    return this.waiting.get().refused.some(({ change }) => change.id === id);
  }

  /** Sends what waits, as long as the key is the one that the changes were made with. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#flushing) return;
    this.#flushing = true;
    await hold(this.#tab);
    for (let [next] = this.waiting.get().changes; next && ownerMark() === this.#owner; [next] = this.waiting.get().changes) {
      if (!(await this.#sendOne(next))) break;
    }
    this.#flushing = false;
  }

  /** Sends what was refused once more. */
  retry(id: string): void {
    const found = this.waiting.get().refused.find(({ change }) => change.id === id);
    this.dismiss(id);
    if (found) this.add(found.change);
  }

  dismiss(id: string): void {
    this.waiting.update({ refused: this.waiting.get().refused.filter(({ change }) => change.id !== id) });
    this.#forget(id);
  }

  async #sendOne(change: Change): Promise<boolean> {
    this.#sending = change.id;
    let asked = change;
    try {
      const before = await this.#send(change, (maybe) => {
        // What was there before the first time counts: later ones may find their own.
        asked = { ...change, maybe: change.maybe ?? maybe };
        this.#replace(asked);
      });
      this.#sending = null;
      this.#before.set(change.id, change.maybe ?? before);
      this.#forget(change.id);
      this.#waitMs = FIRST_WAIT_MS;
      this.waiting.update({ failing: null });
      this.onSent?.(change);
      if (this.#takenBack.delete(change.id)) this.undo(change);
      return true;
    } catch (error) {
      this.#sending = null;
      const takenBack = this.#takenBack.delete(change.id);
      if (isLasting(error)) {
        if (takenBack) this.#forget(change.id);
        else this.#refuse(asked, error);
        return true;
      }
      if (takenBack) this.#drop(change.id);
      this.waiting.update({ failing: error instanceof Error ? error.message : String(error) });
      this.#timer = setTimeout(() => void this.flush(), this.#waitMs);
      this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * this.#waitMs);
      return false;
    }
  }

  #refuse(change: Change, why: unknown): void {
    const { changes, refused } = this.waiting.get();
    this.waiting.update({ changes: changes.filter(({ id }) => id !== change.id), refused: [...refused, { change, why }] });
  }

  /** Drops what waits, and undoes it where the service may have it. */
  #drop(id: string): void {
    const found = this.waiting.get().changes.find((change) => change.id === id);
    this.#forget(id);
    if (found?.maybe) this.add(undoOf(found, found.maybe), true);
  }

  #keep(change: Change): void {
    try {
      this.#kept.setItem(this.#prefix + change.id, JSON.stringify(change));
    } catch {
      // The storage is full or switched off: it is kept as long as the page is open.
    }
  }

  #replace(change: Change): void {
    this.#keep(change);
    this.waiting.update({ changes: this.waiting.get().changes.map((one) => (one.id === change.id ? change : one)) });
  }

  #forget(id: string): void {
    this.#kept.removeItem(this.#prefix + id);
    this.waiting.update({ changes: this.waiting.get().changes.filter((change) => change.id !== id) });
  }

  /** Makes the changes of closed tabs this one's; those of open tabs as soon as they are closed. */
  #takeOver(): void {
    for (const tab of new Set(this.#stored().map(tabOf))) {
      if (tab === this.#tab || this.#awaited.has(tab)) continue;
      this.#awaited.add(tab);
      whenGone(tab, () => {
        this.#awaited.delete(tab);
        this.#adopt(tab);
      });
    }
  }

  #adopt(tab: string): void {
    const left = this.#stored().filter((change) => tabOf(change) === tab).map((change) => ({ ...change, tab: this.#tab }));
    if (left.length === 0) return;
    for (const change of left) this.#keep(change);
    this.found.push(...left);
    this.waiting.update({ changes: [...left, ...this.waiting.get().changes] });
    void this.flush();
  }

  #stored(): Change[] {
    const names = Array.from({ length: this.#kept.length }, (_, at) => this.#kept.key(at) ?? "");
    const found = names.filter((name) => name.startsWith(this.#prefix)).flatMap((name) => parsed(this.#kept.getItem(name)));
    return found.sort((a, b) => a.at - b.at);
  }
}

let lastAt = 0;

/** A change with a time after that of the one before. */
export function newChange(what: Omit<Change, "id" | "at">): Change {
  lastAt = Math.max(Date.now(), lastAt + 1);
  return { ...what, at: lastAt, id: `${lastAt.toString(36)}-${Math.random().toString(36).slice(2)}` };
}

/** What undoes a change that the service has. It comes before all that was said since. */
function undoOf(change: Change, before: Before[]): Change {
  const { maybe: _, ...undone } = change;
  return { ...undone, id: `${change.id}-undo`, said: [], before };
}

const outboxes = new Map<string, Outbox>();

/** The outbox of a classifier's answers; it goes on sending when the page shows something else. */
export function outboxOf(classifier: string): Outbox {
  const name = `${ownerMark()} ${classifier}`;
  const found = outboxes.get(name) ?? new Outbox(classifier);
  outboxes.set(name, found);
  return found;
}

/** The tab that a change belongs to. */
function tabOf({ tab }: Change): string {
  return tab ?? "";
}

/** Whether sending the same again would end the same way. A key or session that is not known any more may be replaced. */
function isLasting(error: unknown): boolean {
  return error instanceof ApiProblem && !error.retryable && error.status !== SIGNED_OUT && error.code !== CROSS_SITE;
}

async function sent({ trackId, startS, endS, said, before }: Change, expect: (before: Before[]) => void): Promise<Before[]> {
  if (before) {
    await restoreLabels(trackId, before);
    return [];
  }
  return changeLabels(trackId, { startS, endS }, said, expect);
}

function parsed(text: string | null): Change[] {
  try {
    const change = JSON.parse(text ?? "null") as Change | null;
    return change && typeof change.trackId === "string" && Array.isArray(change.said) ? [change] : [];
  } catch {
    return [];
  }
}
