import { useCallback, useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";

/** What of the library is shown, and how. */
export type Shown = { view: "list" | "map"; search: string; label: string | null };

// Browsers refuse addresses that change with every key.
const PAUSE_MS = 200;

export function shownIn(address: URLSearchParams): Shown {
  return {
    view: address.get("view") === "map" ? "map" : "list",
    search: address.get("q") ?? "",
    label: address.get("label") || null,
  };
}

/** The address' query for it: what is as usual is left out. */
export function addressOf({ view, search, label }: Shown): URLSearchParams {
  const said = { view: view === "map" ? view : "", q: search, label: label ?? "" };
  return new URLSearchParams(Object.entries(said).filter(([, value]) => value));
}

/** Kept in the address, so that it can be copied, and that the way back leads to it. */
export function useShown(): [Shown, (part: Partial<Shown>) => void] {
  const [address, setAddress] = useSearchParams();
  const change = useCallback(
    (part: Partial<Shown>) =>
      setAddress((now) => addressOf({ ...shownIn(now), ...part }), { replace: part.search !== undefined }),
    [setAddress],
  );
  return [shownIn(address), change];
}

/** What stands in the field of a search: ahead of the search by a pause, and following it when it changes otherwise. */
export function useTyped(search: string, onSearch: (search: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(search);
  const asked = useRef(search);
  useEffect(() => {
    if (search === asked.current) return;
    asked.current = search;
    setTyped(search);
  }, [search]);
  useEffect(() => {
    const wanted = typed.trim();
    if (wanted === asked.current) return;
    const timer = setTimeout(() => {
      asked.current = wanted;
      onSearch(wanted);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, onSearch]);
  return [typed, setTyped];
}
