import { infiniteQueryOptions, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, dataOf, fetchWithKey, type SearchAnswer, type Track } from "../api/client";
import type { Query, Unit } from "./query";

const MOST = 20;
const BY_NAME = 5;

/** What is found, whole recordings or moments, and in which collection; null searches all. */
export type Within = { unit: Unit; collection: string | null };

const numbers = new WeakMap<File, number>();
let files = 0;

/** The pages of what sounds like the query. */
export function useFound(query: Query | null, within: Within) {
  return useInfiniteQuery(soundsLike(query, within));
}

/** What is asked again as jobs end and the window comes to the front, but for a file: each time would send all of it once more. */
export function soundsLike(query: Query | null, within: Within) {
  const byFile = query?.by === "file";
  return infiniteQueryOptions({
    queryKey: byFile ? ["search by a file", numberOf(query.file), within] : ["jobs", "search", query, within],
    enabled: query !== null,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => ask(query as Query, within, pageParam, signal),
    getNextPageParam: (page: SearchAnswer) => page.next_cursor,
    retry: false,
    ...(byFile && { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false }),
  });
}

/** Some of the recordings whose names or tags have these words in them, and whether there are more. */
export function useNamed(query: Query | null, collection: string | null) {
  const words = query?.by === "words" ? query.words : null;
  return useQuery({
    queryKey: ["tracks", "named", words, collection],
    enabled: words !== null,
    queryFn: async ({ signal }): Promise<{ items: Track[]; more: boolean }> => {
      const params = { query: { q: words as string, limit: BY_NAME, ...(collection && { collection }) } };
      const { items, next_cursor } = dataOf(await api.GET("/v1/tracks", { params, signal }));
      return { items, more: next_cursor !== null };
    },
  });
}

async function ask(query: Query, within: Within, cursor: string | null, signal: AbortSignal): Promise<SearchAnswer> {
  if (query.by === "file") return askByFile(query.file, within, cursor, signal);
  const what =
    query.by === "words"
      ? { text: query.words }
      : {
          track_id: query.trackId,
          ...(query.startS !== null && { start_s: query.startS }),
          ...(query.endS !== null && { end_s: query.endS }),
        };
  return dataOf(await api.POST("/v1/search", { body: { ...what, unit: within.unit, ...filtersOf(within), limit: MOST, cursor }, signal }));
}

function filtersOf({ collection }: Within) {
  return collection ? { filters: { collection } } : {};
}

async function askByFile(file: File, within: Within, cursor: string | null, signal: AbortSignal): Promise<SearchAnswer> {
  const form = new FormData();
  form.set("unit", within.unit);
  const { filters } = filtersOf(within);
  if (filters) form.set("filters", JSON.stringify(filters));
  form.set("limit", String(MOST));
  if (cursor) form.set("cursor", cursor);
  form.set("file", file, file.name);
  const response = await fetchWithKey("/v1/search", { method: "POST", body: form, signal });
  return response.json() as Promise<SearchAnswer>;
}

/** A number of its own for each file that was chosen: one that is chosen once more is searched by anew. */
function numberOf(file: File): number {
  const number = numbers.get(file) ?? ++files;
  numbers.set(file, number);
  return number;
}
