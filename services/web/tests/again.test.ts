import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ListKey } from "../src/library/queries";
import { PageRequest } from "./pageRequest";

const KEY: ListKey = ["tracks", "list", "newest", {}, false];
const PAGES = 100;

/** The service: pages of one track each, whose label is `now`, and the cursors that were asked for. */
const service = { now: "before", asked: [] as string[], end: PAGES, newest: "" };

beforeEach(() => {
  Object.assign(service, { now: "before", asked: [], end: PAGES, newest: "" });
  vi.resetModules();
  vi.stubGlobal("Request", PageRequest);
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", async ({ url }: Request) => {
    const cursor = new URL(url).searchParams.get("cursor") ?? "";
    service.asked.push(cursor);
    const at = Number(cursor);
    const newest = at === 0 && service.newest ? [{ id: service.newest, label: service.now }] : [];
    return Response.json({ items: [...newest, { id: `trk_${at}`, label: service.now }], next_cursor: at + 1 < service.end ? `${at + 1}` : null });
  });
});
afterEach(() => vi.unstubAllGlobals());

/** A list of all pages that somebody looks at. Reading it as a whole is counted, and reads nothing. */
async function shown() {
  const [{ readAdded, readAgain, readWithout }, { pageIn }] = await Promise.all([import("../src/library/again"), import("../src/library/queries")]);
  const queries = new QueryClient();
  const pageParams = ["", ...Array.from({ length: PAGES - 1 }, (_, at) => `${at + 1}`)];
  queries.setQueryData(KEY, { pageParams, pages: await Promise.all(pageParams.map((cursor) => pageIn(KEY, cursor))) });
  service.asked = [];
  const whole = vi.fn();
  const end = new QueryObserver(queries, { queryKey: KEY, queryFn: () => whole() ?? queries.getQueryData(KEY), staleTime: Number.POSITIVE_INFINITY }).subscribe(() => undefined);
  const labels = () => (queries.getQueryData(KEY) as { pages: { items: { label: string }[] }[] }).pages.flatMap(({ items }) => items.map(({ label }) => label));
  const read = (...tracks: string[]) => readAgain(queries, new Set(tracks));
  const ids = () => (queries.getQueryData(KEY) as { pages: { items: { id: string }[] }[] }).pages.flatMap(({ items }) => items.map(({ id }) => id));
  return { read, added: () => readAdded(queries), without: (track: string) => readWithout(queries, track), whole, labels, ids, end };
}

test("of a long list the pages alone are read again on which jobs have ended", async () => {
  const { read, whole, labels, end } = await shown();
  service.now = "after";
  await read("trk_0", "trk_42");
  expect(service.asked.sort()).toEqual(["", "42"]);
  expect(whole).not.toHaveBeenCalled();
  expect(labels().flatMap((label, at) => (label === "after" ? [at] : []))).toEqual([0, 42]);
  end();
});

test.each([
  ["a track that it does not have", ["trk_42", "trk_new"], PAGES],
  ["a page that ends elsewhere", ["trk_42"], 43],
  ["tracks on many pages", Array.from({ length: 20 }, (_, at) => `trk_${at}`), PAGES],
])("for %s the whole list is read again", async (_, tracks, ends) => {
  const { read, whole, labels, end } = await shown();
  Object.assign(service, { now: "after", end: ends });
  await read(...tracks);
  expect(whole).toHaveBeenCalledOnce();
  expect(new Set(labels())).toEqual(new Set(["before"]));
  end();
});

test("an added track is put before a long list, of which the first page alone is read", async () => {
  const { added, whole, ids, labels, end } = await shown();
  service.newest = "trk_new";
  await added();
  expect(service.asked).toEqual([""]);
  expect(whole).not.toHaveBeenCalled();
  expect(ids().slice(0, 2)).toEqual(["trk_new", "trk_0"]);
  service.now = "after";
  await added();
  expect(labels().slice(0, 3)).toEqual(["after", "after", "before"]);
  expect(ids()).toHaveLength(PAGES + 1);
  end();
});

test("a deleted track is taken out, and no list is read", async () => {
  const { without, whole, ids, end } = await shown();
  await without("trk_42");
  expect(service.asked).toEqual([]);
  expect(whole).not.toHaveBeenCalled();
  expect(ids()).not.toContain("trk_42");
  expect(ids()).toHaveLength(PAGES - 1);
  end();
});
