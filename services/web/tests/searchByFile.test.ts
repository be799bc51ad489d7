import { focusManager, InfiniteQueryObserver, onlineManager, QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Query } from "../src/search/query";
import { PageRequest } from "./pageRequest";

const WITHIN = { unit: "track", collection: null } as const;
const ANSWER = { items: [], next_cursor: null };

beforeEach(() => {
  vi.stubGlobal("Request", PageRequest);
  vi.stubGlobal("sessionStorage", { getItem: () => null });
});
afterEach(() => {
  focusManager.setFocused(undefined);
  onlineManager.setOnline(true);
  vi.unstubAllGlobals();
});

/** How often the service is asked while a search is shown and the window comes to the front, a job ends and the network is back. */
async function asked(query: Query, answer: () => Response): Promise<number> {
  const fetched = vi.fn(async () => answer());
  vi.stubGlobal("fetch", fetched);
  // The client keeps the `fetch` that it was made with.
  vi.resetModules();
  const { soundsLike } = await import("../src/search/queries");
  const queries = new QueryClient();
  queries.mount();
  const stop = new InfiniteQueryObserver(queries, soundsLike(query, WITHIN)).subscribe(() => undefined);
  const settled = async () => {
    // What is subscribed to focus and network begins in a later turn.
    await new Promise((done) => setTimeout(done));
    await vi.waitFor(() => expect(queries.isFetching()).toBe(0));
  };
  await settled();
  focusManager.setFocused(false);
  focusManager.setFocused(true);
  await settled();
  void queries.invalidateQueries({ queryKey: ["jobs"] });
  await settled();
  onlineManager.setOnline(false);
  onlineManager.setOnline(true);
  await settled();
  stop();
  queries.unmount();
  return fetched.mock.calls.length;
}

test("a file is sent once, whether it was answered or refused", async () => {
  const file = () => new File(["sound"], "clip.wav");
  expect(await asked({ by: "file", file: file() }, () => Response.json(ANSWER))).toBe(1);
  expect(await asked({ by: "file", file: file() }, () => Response.json({ title: "no sound" }, { status: 415 }))).toBe(1);
});

test("words are searched again, as recordings may have come", async () => {
  expect(await asked({ by: "words", words: "rain" }, () => Response.json(ANSWER))).toBeGreaterThan(1);
});

test("another file of the same name and size is another search, and the same one is the same", async () => {
  const { soundsLike } = await import("../src/search/queries");
  const keyOf = (file: File) => JSON.stringify(soundsLike({ by: "file", file }, WITHIN).queryKey);
  const [one, other] = ["sound", "sound"].map((content) => new File([content], "clip.wav", { lastModified: 1 })) as [File, File];
  expect(keyOf(one)).toBe(keyOf(one));
  expect(keyOf(one)).not.toBe(keyOf(other));
});
