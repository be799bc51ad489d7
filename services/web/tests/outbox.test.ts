import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiProblem } from "../src/api/problem";
import { type Change, newChange, Outbox, undoOf } from "../src/classifiers/outbox";

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

const tab = new Memory();
let kept: Memory;

beforeEach(() => {
  kept = new Memory();
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
  const outbox = new Outbox("x", kept, send);
  for (const id of ["a", "b", "c"]) outbox.add(change(id));
  expect(send).toHaveBeenCalledTimes(1);
  expect(kept.length).toBe(3);
  await settled();
  expect(got).toEqual(["a", "b", "c"]);
  expect(kept.length).toBe(0);
});

test("while the service is away answers are kept, and sent when it is back, however long that takes", async () => {
  const { got, answers, send } = service();
  answers.push(...Array.from({ length: 8 }, () => new TypeError("no connection")));
  const outbox = new Outbox("x", kept, send);
  outbox.add(change("a"));
  outbox.add(change("b"));
  await settled();
  expect(outbox.waiting.get().failing).toBe("no connection");
  expect(outbox.waiting.get().changes).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(got).toEqual(["a", "b"]);
  expect(outbox.waiting.get()).toEqual({ changes: [], failing: null, refused: [] });
});

test("what a closed page left is sent by the next one in its order", async () => {
  const { answers, send } = service();
  answers.push(new TypeError("no connection"));
  const outbox = new Outbox("x", kept, send);
  for (const id of ["a", "b", "c"]) outbox.add(change(id));
  await settled();
  const later = service();
  const next = new Outbox("x", kept, later.send);
  expect(new Outbox("y", kept, later.send).waiting.get().changes).toEqual([]);
  await next.flush();
  expect(later.got).toEqual(["a", "b", "c"]);
});

test("another key neither sees nor sends what a key left", async () => {
  const { got, answers, send } = service();
  answers.push(new TypeError("no connection"));
  const outbox = new Outbox("x", kept, send);
  outbox.add(change("a"));
  await settled();
  tab.setItem("phonoscope.key", "psk_two");
  expect(new Outbox("x", kept, send).waiting.get().changes).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(got).toEqual([]);
  tab.setItem("phonoscope.key", "psk_one");
  await outbox.flush();
  expect(got).toEqual(["a"]);
  expect(Array.from({ length: kept.length }, (_, at) => kept.key(at)).join()).not.toContain("psk_");
});

test("what the service refuses for good is shown, holds nothing up, and can be sent again or dropped", async () => {
  const { got, answers, send } = service();
  answers.push(new ApiProblem({ code: "not_found", detail: "no track" }, 404), null, new ApiProblem({ code: "not_found" }, 404));
  const outbox = new Outbox("x", kept, send);
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
  const outbox = new Outbox("x", kept, send);
  outbox.add(change("a"));
  await settled();
  expect(outbox.waiting.get().refused).toEqual([]);
  expect(kept.length).toBe(1);
});

test("an answer that waits is withdrawn; one that is being sent is not", async () => {
  const { got, send } = service();
  const outbox = new Outbox("x", kept, send);
  const [first, second] = [change("a"), change("b")];
  outbox.add(first);
  outbox.add(second);
  expect(outbox.withdraw(first.id)).toBe(false);
  expect(outbox.withdraw(second.id)).toBe(true);
  await settled();
  expect(got).toEqual(["a"]);
  expect(outbox.withdraw(first.id)).toBe(false);
});

test("what undoes an answer goes before what was said after it", async () => {
  const sent: string[] = [];
  const outbox = new Outbox("x", kept, async ({ id }) => {
    sent.push(id);
    return [];
  });
  const [first, second] = [change("a"), change("a")];
  outbox.onSent = (done, before) => done.id === first.id && outbox.add(undoOf(first, before), true);
  outbox.add(first);
  outbox.add(second);
  await settled();
  expect(sent).toEqual([first.id, `${first.id}-undo`, second.id]);
});

test("a full storage loses nothing while the page is open", async () => {
  const { got, send } = service();
  kept.full = true;
  const outbox = new Outbox("x", kept, send);
  outbox.add(change("a"));
  await settled();
  expect(got).toEqual(["a"]);
});
