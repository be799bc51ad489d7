import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiProblem } from "../src/api/problem";
import type { Before } from "../src/classifiers/labelling";
import { type Change, newChange, Outbox } from "../src/classifiers/outbox";

class Memory implements Storage {
  readonly #items = new Map<string, string>();
  full = false;
  get length() {
    return this.#items.size;
  }
  key(at: number) {
    return [...this.#items.keys()].reverse()[at] ?? null;
  }
  getItem(name: string) {
    return this.#items.get(name) ?? null;
  }
  setItem(name: string, text: string) {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.#items.set(name, text);
  }
  removeItem(name: string) {
    this.#items.delete(name);
  }
  clear() {
    this.#items.clear();
  }
}

/** Locks as browsers have them, of which those of a tab are given up when it is closed. */
class Locks {
  readonly #queues = new Map<string, (() => unknown)[]>();
  request(name: string, work: () => unknown) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    queue.push(work);
    if (queue.length === 1) void this.#run(name);
  }
  close(tab: string) {
    const name = `phonoscope.tab ${tab}`;
    this.#queues.get(name)?.shift();
    void this.#run(name);
  }
  async #run(name: string) {
    const queue = this.#queues.get(name) ?? [];
    const [work] = queue;
    if (!work) return;
    await work();
    queue.shift();
    await this.#run(name);
  }
}

const tab = new Memory();
let kept: Memory;
let locks: Locks;
let tabs = 0;

/** An outbox in a tab of its own. */
function open(send: ConstructorParameters<typeof Outbox>[2], classifier = "x") {
  tabs += 1;
  const name = `tab${tabs}`;
  return { outbox: new Outbox(classifier, kept, send, name), close: () => locks.close(name) };
}

beforeEach(() => {
  kept = new Memory();
  locks = new Locks();
  vi.stubGlobal("navigator", { locks });
  vi.stubGlobal("sessionStorage", tab);
  vi.stubGlobal("localStorage", new Memory());
  tab.setItem("phonoscope.key", "psk_one");
  tab.setItem("phonoscope.signouts", "0");
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function change(trackId: string): Change {
  return newChange({ classifier: "x", trackId, filename: `${trackId}.wav`, startS: 0, endS: 5, said: [{ label: "rain", state: "confirmed" }], before: null });
}

function service() {
  const got: string[] = [];
  const answers: (Error | null)[] = [];
  const send = vi.fn(async ({ trackId }: Change) => {
    const problem = answers.shift();
    if (problem) throw problem;
    got.push(trackId);
    return [];
  });
  return { got, answers, send };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

test("answers are sent in their order, one at a time, and kept only until the service has them", async () => {
  const { got, send } = service();
  const { outbox } = open(send);
  for (const id of ["a", "b", "c"]) outbox.add(change(id));
  expect(kept.length).toBe(3);
  await settled();
  expect(got).toEqual(["a", "b", "c"]);
  expect(kept.length).toBe(0);
});

test("while the service is away answers are kept, and sent when it is back, however long that takes", async () => {
  const { got, answers, send } = service();
  answers.push(...Array.from({ length: 8 }, () => new TypeError("no connection")));
  const { outbox } = open(send);
  outbox.add(change("a"));
  outbox.add(change("b"));
  await settled();
  expect(outbox.waiting.get().failing).toBe("no connection");
  expect(outbox.waiting.get().changes).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(got).toEqual(["a", "b"]);
  expect(outbox.waiting.get()).toEqual({ changes: [], failing: null, refused: [] });
});

test("what a closed page left is sent by the next one in its order, and by one alone", async () => {
  const { answers, send } = service();
  answers.push(new TypeError("no connection"));
  const { outbox, close } = open(send);
  for (const id of ["a", "b", "c"]) outbox.add(change(id));
  await settled();
  const later = service();
  const next = [open(later.send).outbox, open(later.send).outbox];
  expect(open(later.send, "y").outbox.waiting.get().changes).toEqual([]);
  await Promise.all(next.map((one) => one.flush()));
  await settled();
  expect(later.got).toEqual([]);
  outbox.add = () => undefined;
  close();
  await settled();
  expect(later.got).toEqual(["a", "b", "c"]);
  expect(next.map(({ found }) => found.length).sort()).toEqual([0, 3]);
});

test("an answer that is taken back in its tab is not sent by another", async () => {
  const { answers, send, got } = service();
  answers.push(new TypeError("no connection"));
  const { outbox } = open(send);
  const [first, second] = [change("a"), change("b")];
  outbox.add(first);
  outbox.add(second);
  await settled();
  const later = service();
  const { outbox: other } = open(later.send);
  await other.flush();
  outbox.undo(second);
  await vi.advanceTimersByTimeAsync(60_000);
  await other.flush();
  expect(got).toEqual(["a"]);
  expect(later.got).toEqual([]);
  expect(kept.length).toBe(0);
});

test("another key neither sees nor sends what a key left", async () => {
  const { got, answers, send } = service();
  answers.push(new TypeError("no connection"));
  const { outbox, close } = open(send);
  outbox.add(change("a"));
  await settled();
  tab.setItem("phonoscope.key", "psk_two");
  const { outbox: other } = open(send);
  close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(other.waiting.get().changes).toEqual([]);
  expect(got).toEqual([]);
  tab.setItem("phonoscope.key", "psk_one");
  await outbox.flush();
  expect(got).toEqual(["a"]);
  expect(Array.from({ length: kept.length }, (_, at) => kept.key(at)).join()).not.toContain("psk_");
});

test("what the service refuses for good is shown, holds nothing up, and can be sent again or dropped", async () => {
  const { got, answers, send } = service();
  answers.push(new ApiProblem({ code: "not_found", detail: "no track" }, 404), null, new ApiProblem({ code: "not_found" }, 404));
  const { outbox } = open(send);
  const [gone, fine] = [change("gone"), change("fine")];
  outbox.add(gone);
  outbox.add(fine);
  await settled();
  expect(got).toEqual(["fine"]);
  expect(outbox.isRefused(gone.id)).toBe(true);
  expect(kept.length).toBe(1);
  outbox.retry(gone.id);
  await settled();
  expect(outbox.isRefused(gone.id)).toBe(true);
  outbox.dismiss(gone.id);
  expect(kept.length).toBe(0);
});

test("a signed-out key refuses nothing for good: its answers wait", async () => {
  const { answers, send } = service();
  answers.push(new ApiProblem({ code: "unauthorized" }, 401));
  const { outbox } = open(send);
  outbox.add(change("a"));
  await settled();
  expect(outbox.waiting.get().refused).toEqual([]);
  expect(kept.length).toBe(1);
});

test("an answer that waits is dropped when it is taken back; one that is being sent is undone once it was", async () => {
  const sent: string[] = [];
  const { outbox } = open(async ({ id }) => {
    sent.push(id);
    return [];
  });
  const [first, second, third] = [change("a"), change("b"), change("a")];
  for (const one of [first, second, third]) outbox.add(one);
  await Promise.resolve();
  outbox.undo(first);
  outbox.undo(second);
  await settled();
  expect(sent).toEqual([first.id, `${first.id}-undo`, third.id]);
  outbox.undo(third);
  await settled();
  expect(sent.at(-1)).toBe(`${third.id}-undo`);
});

test("what undoes an answer is what was there before, also when the first answer was lost", async () => {
  const before: Before[] = [{ label: "rain", start_s: 0, end_s: 5, state: "rejected" }];
  const sent: Change[] = [];
  const { outbox } = open(async (one, expected) => {
    sent.push(one);
    if (one.before) return [];
    expected(sent.length === 1 ? before : []);
    if (sent.length === 1) throw new TypeError("the answer was lost");
    return [];
  });
  const [first] = [change("a")];
  outbox.add(first);
  await vi.advanceTimersByTimeAsync(10_000);
  outbox.undo(first);
  await settled();
  expect(sent.map((one) => one.before)).toEqual([null, null, before]);
  expect(kept.length).toBe(0);
});

test("an answer that may have been saved is undone when it is taken back, over a reload too", async () => {
  const before: Before[] = [{ label: "rain", start_s: 0, end_s: 5, state: null }];
  const { outbox, close } = open(async (_, expected) => {
    expected(before);
    throw new TypeError("the answer was lost");
  });
  const first = change("a");
  outbox.add(first);
  await settled();
  outbox.undo(first);
  expect(outbox.waiting.get().changes.map((one) => one.before)).toEqual([before]);
  const restored: unknown[] = [];
  open(async (one) => {
    restored.push(one.before);
    return [];
  });
  close();
  await settled();
  expect(restored).toEqual([before]);
});

test("a full storage loses nothing while the page is open", async () => {
  const { got, send } = service();
  kept.full = true;
  const { outbox } = open(send);
  outbox.add(change("a"));
  await settled();
  expect(got).toEqual(["a"]);
});
