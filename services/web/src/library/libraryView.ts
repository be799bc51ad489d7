import { useCallback, useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import type { Track } from "../api/client";

export const SORTS = ["newest", "oldest", "name", "longest", "shortest"] as const;
export type Sort = (typeof SORTS)[number];

/** Which recordings the library shows, as a list or a map; `model` is the one whose labels count, null for the newest label; `collection` the id of the one that is shown, null for all. */
export type LibraryView = { view: "list" | "map"; search: string; label: string | null; model: string | null; collection: string | null; sort: Sort };

// Browsers limit how often an address may change.
const PAUSE_MS = 200;

export function viewFrom(address: URLSearchParams): LibraryView {
  return {
    view: address.get("view") === "map" ? "map" : "list",
    search: address.get("q") ?? "",
    label: address.get("label") || null,
    model: address.get("model") || null,
    collection: address.get("collection") || null,
    sort: SORTS.find((sort) => sort === address.get("sort")) ?? "newest",
  };
}

/** The view as the address's query, without defaults. */
export function queryOf({ view, search, label, model, collection, sort }: LibraryView): URLSearchParams {
  const parameters = {
    view: view === "map" ? view : "",
    q: search,
    label: label ?? "",
    model: model ?? "",
    collection: collection ?? "",
    sort: sort === "newest" ? "" : sort,
  };
  return new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
}

/** The address of a search by words, of the search's page without any; in a collection where one is named. */
export function addressOfWords(words: string, collection: string | null): string {
  const query = new URLSearchParams({ ...(words && { q: words }), ...(collection && { collection }) }).toString();
  return query ? `/search?${query}` : "/search";
}

/** A track with the label that a model gave it; with its newest label for null. */
export function labelledBy(track: Track, model: string | null): Track {
  if (model === null) return track;
  const label = track.labels[model]?.[0] ?? null;
  return { ...track, label, label_confirmed: label !== null && (track.confirmed ?? []).includes(label) };
}

/** How probable the shown label is to the model that gave it; null where that is not known, or where the owner says so. */
export function surenessOf({ label, label_confirmed, labels, probabilities = {}, classified_by = [] }: Track, model: string | null): number | null {
  const by = model ?? classified_by[0];
  if (by === undefined || label === null || label_confirmed || labels[by]?.[0] !== label) return null;
  return probabilities[by] ?? null;
}

/** The view, kept in the address so that it can be copied and gone back to. */
export function useLibraryView(): [LibraryView, (part: Partial<LibraryView>) => void] {
  const [address, setAddress] = useSearchParams();
  const change = useCallback(
    (part: Partial<LibraryView>) =>
      setAddress((now) => queryOf({ ...viewFrom(now), ...part }), { replace: part.search !== undefined }),
    [setAddress],
  );
  return [viewFrom(address), change];
}

/** The text of the search field. Calls `onSearch` when typing pauses, and follows `search` when that changes otherwise. */
export function useSearchField(search: string, onSearch: (search: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(search);
  const lastSearch = useRef(search);
  useEffect(() => {
    if (search === lastSearch.current) return;
    lastSearch.current = search;
    setTyped(search);
  }, [search]);
  useEffect(() => {
    const wanted = typed.trim();
    if (wanted === lastSearch.current) return;
    const timer = setTimeout(() => {
      lastSearch.current = wanted;
      onSearch(wanted);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, onSearch]);
  return [typed, setTyped];
}
