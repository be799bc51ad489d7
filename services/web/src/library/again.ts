import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { type ListKey, type Page, pageIn } from "./queries";

type List = InfiniteData<Page, string>;

// More pages than that are not read one by one for a few tracks.
const MOST_PAGES = 8;

/** Reads again what is shown of tracks: of a list that has them all only the pages that they are on, however many it has. */
export async function readAgain(queries: QueryClient, trackIds: ReadonlySet<string>): Promise<void> {
  const { lists, others } = readOthers(queries);
  const each = lists.map(async ({ queryKey, state: { data, fetchStatus } }) => {
    const read = fetchStatus === "idle" && (await pagesAgain(queryKey as unknown as ListKey, data as List | undefined, trackIds).catch(() => null));
    // What begins to read a next page meanwhile writes the pages of before.
    if (!read || queries.getQueryState(queryKey)?.fetchStatus !== "idle") await queries.invalidateQueries({ queryKey, exact: true });
    else queries.setQueryData<List>(queryKey, (now) => now && { ...now, pages: now.pages.map((page) => read.get(page) ?? page) });
  });
  await Promise.all([others, ...each]);
}

/** The pages that tracks are on, each with what it has now; null where that cannot be told from these pages alone. */
async function pagesAgain(key: ListKey, list: List | undefined, trackIds: ReadonlySet<string>): Promise<Map<Page, Page> | null> {
  const counted = (list?.pages ?? []).map((page) => ({ page, count: page.items.filter(({ id }) => trackIds.has(id)).length }));
  const all = counted.reduce((sum, { count }) => sum + count, 0) === trackIds.size;
  const held = counted.flatMap(({ page, count }, at) => (count ? [{ page, cursor: list?.pageParams[at] ?? "" }] : []));
  if (!all || held.length > MOST_PAGES) return null;
  const read = await Promise.all(held.map(async ({ page, cursor }) => [page, await pageIn(key, cursor)] as const));
  // Where one ends elsewhere than before, rows have moved from page to page.
  return read.every(([before, now]) => before.next_cursor === now.next_cursor) ? new Map(read) : null;
}

/** Reads again what is shown beside added tracks: of a long list of the newest its first page alone, before which those are put that it does not have. */
export async function readAdded(queries: QueryClient): Promise<void> {
  const { lists, others } = readOthers(queries);
  const each = lists.map(async ({ queryKey, state: { data } }) => {
    const key = queryKey as unknown as ListKey;
    const isLong = ((data as List | undefined)?.pages.length ?? 0) > MOST_PAGES;
    if (!isLong || key[2] !== "newest") return queries.invalidateQueries({ queryKey, exact: true });
    const first = await pageIn(key, "").catch(() => null);
    if (first) queries.setQueryData<List>(queryKey, (now) => now && withFirst(now, first));
  });
  await Promise.all([others, ...each]);
}

/** A list without a track that was deleted, and what is counted beside it; no list is read. */
export async function readWithout(queries: QueryClient, trackId: string): Promise<void> {
  const without = (page: Page): Page => ({ ...page, items: page.items.filter(({ id }) => id !== trackId) });
  queries.setQueriesData<List>({ queryKey: ["tracks", "list"] }, (found) => found && { ...found, pages: found.pages.map(without) });
  await readOthers(queries).others;
}

/** Begins to read all else that is shown of tracks; with the lists that somebody looks at. */
function readOthers(queries: QueryClient) {
  const lists = queries.getQueryCache().findAll({ queryKey: ["tracks", "list"], type: "active" });
  const own = new Set(lists.map(({ queryHash }) => queryHash));
  const others = queries.invalidateQueries({ predicate: ({ queryKey: [name], queryHash }) => (name === "tracks" || name === "map") && !own.has(queryHash) });
  return { lists, others };
}

function withFirst(list: List, first: Page): List {
  const fresh = new Map(first.items.map((track) => [track.id, track]));
  const pages = list.pages.map((page) => ({ ...page, items: page.items.map((track) => fresh.get(track.id) ?? track) }));
  const known = new Set(list.pages.flatMap(({ items }) => items.map(({ id }) => id)));
  const added = first.items.filter(({ id }) => !known.has(id));
  return { ...list, pages: pages.map((page, at) => (at ? page : { ...page, items: [...added, ...page.items] })) };
}
