import { type InfiniteData, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Job } from "../api/client";
import { type ListKey, type Page, pageIn } from "./queries";

type List = InfiniteData<Page, string>;

// More pages than that are read one after another, with all others.
const MOST_PAGES = 8;

/** Reads tracks again when jobs on them have ended, whoever asked for these. `active` has the jobs that have not, by track. */
export function useEndedJobs(active: ReadonlyMap<string, Job> | undefined): void {
  const queries = useQueryClient();
  const before = useRef(active);
  useEffect(() => {
    const going = new Set([...(active?.values() ?? [])].map(({ id }) => id));
    const ended = active ? [...(before.current ?? [])].flatMap(([trackId, { id }]) => (going.has(id) ? [] : [trackId])) : [];
    before.current = active;
    if (ended.length) void readAgain(queries, new Set(ended));
  }, [active, queries]);
}

/** Reads again what is shown of tracks: of a list that has them all only the pages that they are on, however many it has. */
export async function readAgain(queries: QueryClient, trackIds: ReadonlySet<string>): Promise<void> {
  const lists = queries.getQueryCache().findAll({ queryKey: ["tracks", "list"], type: "active" });
  const own = new Set(lists.map(({ queryHash }) => queryHash));
  const others = queries.invalidateQueries({ predicate: ({ queryKey: [name], queryHash }) => (name === "tracks" || name === "map") && !own.has(queryHash) });
  const each = lists.map(async ({ queryKey, state: { data, fetchStatus } }) => {
    const read = fetchStatus === "idle" && (await pagesAgain(queryKey as unknown as ListKey, data as List | undefined, trackIds).catch(() => null));
    if (!read) await queries.invalidateQueries({ queryKey, exact: true });
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
