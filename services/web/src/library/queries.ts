import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, dataOf, type Job, type Peaks, type Track } from "../api/client";
import { openJobs } from "../state/reading";
import type { LibraryView, Sort } from "./libraryView";

export type Page = { items: Track[]; next_cursor?: string | null };
/** What a list of tracks is known by: its order, its filters, and whether it has facts. */
export type ListKey = readonly ["tracks", "list", Sort, ReturnType<typeof filtersOf>, boolean];

const PAGE_SIZE = 100;
const ACTIVE_EVERY_MS = 3_000;

/** What a view asks for: a search, a label, by a model or by any, and a collection. */
export function filtersOf({ search, label, model, collection }: LibraryView) {
  const labelled = label ? { label, ...(model && { model }) } : {};
  return { ...(search && { q: search }), ...labelled, ...(collection && { collection }) };
}

/** The tracks that match a view, page by page; with facts where wanted. */
export function useTracks(view: LibraryView, wanted: boolean, facts: boolean) {
  const queryKey: ListKey = ["tracks", "list", view.sort, filtersOf(view), facts];
  return useInfiniteQuery({
    enabled: wanted,
    queryKey,
    queryFn: ({ pageParam, signal }) => pageIn(queryKey, pageParam, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

/** The ids and names of all tracks that match a view. Calls `onRead` with how many were read. Throws an `ApiProblem` when the service refuses. */
export async function everyMatch(view: LibraryView, signal: AbortSignal, onRead: (count: number) => void): Promise<Pick<Track, "id" | "filename">[]> {
  const found: Pick<Track, "id" | "filename">[] = [];
  for (let cursor: string | null | undefined = ""; cursor !== null && cursor !== undefined; ) {
    const page: Page = await pageOf({ sort: view.sort, ...filtersOf(view) }, cursor, signal);
    found.push(...page.items.map(({ id, filename }) => ({ id, filename })));
    onRead(found.length);
    cursor = page.next_cursor;
  }
  return found;
}

/** How many recordings there are, and the labels that most of them have, by a model or by any. */
export function useLibrary(model: string | null) {
  return useQuery({
    queryKey: ["tracks", "counts", model],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/library", { params: { query: { ...(model && { model }) } }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** Jobs that have not ended, by track. Read again while there are some, less often the more there are. */
export function useActiveJobs() {
  return useQuery({
    queryKey: ["jobs", "active"],
    queryFn: async ({ signal }) => {
      const jobs = await openJobs(null, signal);
      return new Map<string, Job>(jobs.flatMap((job) => (job.track_id ? [[job.track_id, job]] : [])));
    },
    refetchInterval: ({ state: { data } }) => (data?.size ? ACTIVE_EVERY_MS * Math.ceil(data.size / PAGE_SIZE) : false),
  });
}

/** A track's outline in a few points, or null when it has not been measured yet. */
export function useOutline(trackId: string, points: number, wanted: boolean) {
  return useQuery({
    queryKey: ["outline", trackId, points],
    queryFn: async ({ signal }): Promise<Peaks | null> => {
      const found = await api.GET("/v1/tracks/{track_id}/waveform", {
        params: { path: { track_id: trackId }, query: { points } },
        signal,
      });
      return found.response.status === 200 ? (found.data as Peaks) : null;
    },
    enabled: wanted,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

/** A page of a list. Throws an `ApiProblem` when the service refuses. */
export function pageIn([, , sort, filters, facts]: ListKey, cursor: string, signal?: AbortSignal): Promise<Page> {
  return pageOf({ sort, ...filters, ...(facts && { facts }) }, cursor, signal);
}

async function pageOf(asked: ReturnType<typeof filtersOf> & { sort: Sort; facts?: boolean }, cursor: string, signal?: AbortSignal): Promise<Page> {
  const query = { limit: PAGE_SIZE, ...asked, ...(cursor && { cursor }) };
  return dataOf(await api.GET("/v1/tracks", { params: { query }, ...(signal && { signal }) }));
}
