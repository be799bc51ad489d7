import { keyMark } from "../api/own";
import { ROOT_PATH } from "../api/root";
import { ApiProblem } from "../api/problem";
import { currentKey } from "../api/session";
import { Store } from "../sound/store";
import { type Before, changeLabels, restoreLabels, type Said } from "./labelling";

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
};

/** What waits to be sent, and what the service refused. */
export type Waiting = { changes: readonly Change[]; failing: string | null; refused: readonly { change: Change; why: unknown }[] };

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const SIGNED_OUT = 401;

/** Sends changes one after the other, in the order in which they were made. What could not be sent stays in this browser. */
export class Outbox {
  readonly waiting = new Store<Waiting>({ changes: [], failing: null, refused: [] });
  /** Is called when the service has a change, with what undoes it. */
  onSent: ((change: Change, before: Before[]) => void) | undefined;
  readonly #kept: Storage;
  readonly #send: (change: Change) => Promise<Before[]>;
  readonly #owner: string;
  readonly #prefix: string;
  #flushing = false;
  #sending: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = FIRST_WAIT_MS;

  /** Takes up what was left in the storage for this classifier and this owner. */
  constructor(classifier: string, kept: Storage = localStorage, send = sent) {
    this.#kept = kept;
    this.#send = send;
    this.#owner = ownerMark();
    this.#prefix = `phonoscope.answer${ROOT_PATH} ${this.#owner} ${classifier} `;
    this.waiting.update({ changes: this.#stored() });
  }

  /** Keeps a change and sends it; `first` puts it before all others. */
  add(change: Change, first = false): void {
    try {
      this.#kept.setItem(this.#prefix + change.id, JSON.stringify(change));
    } catch {
      // The storage is full or switched off: it is kept as long as the page is open.
    }
    const { changes } = this.waiting.get();
    this.waiting.update({ changes: first ? [change, ...changes] : [...changes, change] });
    void this.flush();
  }

  isRefused(id: string): boolean {
    return this.waiting.get().refused.some(({ change }) => change.id === id);
  }

  /** Takes a change back; false when it is being sent or the service has it already. */
  withdraw(id: string): boolean {
    if (this.#sending === id || !this.waiting.get().changes.some((change) => change.id === id)) return false;
    this.#forget(id);
    return true;
  }

  /** Sends what waits, as long as the key is the one that the changes were made with. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#flushing) return;
    this.#flushing = true;
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
    try {
      const before = await this.#send(change);
      this.#sending = null;
      this.#forget(change.id);
      this.#waitMs = FIRST_WAIT_MS;
      this.waiting.update({ failing: null });
      this.onSent?.(change, before);
      return true;
    } catch (error) {
      this.#sending = null;
      if (isLasting(error)) {
        const { changes, refused } = this.waiting.get();
        this.waiting.update({ changes: changes.filter(({ id }) => id !== change.id), refused: [...refused, { change, why: error }] });
        return true;
      }
      this.waiting.update({ failing: error instanceof Error ? error.message : String(error) });
      this.#timer = setTimeout(() => void this.flush(), this.#waitMs);
      this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * this.#waitMs);
      return false;
    }
  }

  #forget(id: string): void {
    this.#kept.removeItem(this.#prefix + id);
    this.waiting.update({ changes: this.waiting.get().changes.filter((change) => change.id !== id) });
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
export function undoOf(change: Change, before: Before[]): Change {
  return { ...change, id: `${change.id}-undo`, said: [], before };
}

const outboxes = new Map<string, Outbox>();

/** The outbox of a classifier's answers; it goes on sending when the page shows something else. */
export function outboxOf(classifier: string): Outbox {
  const name = `${ownerMark()} ${classifier}`;
  const found = outboxes.get(name) ?? new Outbox(classifier);
  outboxes.set(name, found);
  return found;
}

/** Changes are sent by the key alone that made them. */
function ownerMark(): string {
  return keyMark(currentKey());
}

/** Whether sending the same again would end the same way. A key that is not known any more may be replaced. */
function isLasting(error: unknown): boolean {
  return error instanceof ApiProblem && !error.retryable && error.status !== SIGNED_OUT;
}

async function sent({ trackId, startS, endS, said, before }: Change): Promise<Before[]> {
  if (before) {
    await restoreLabels(trackId, before);
    return [];
  }
  return changeLabels(trackId, { startS, endS }, said);
}

function parsed(text: string | null): Change[] {
  try {
    const change = JSON.parse(text ?? "null") as Change | null;
    return change && typeof change.trackId === "string" && Array.isArray(change.said) ? [change] : [];
  } catch {
    return [];
  }
}
