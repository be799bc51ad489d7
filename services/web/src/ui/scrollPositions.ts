import { useEffect, useLayoutEffect } from "react";
import { useLocation, useSearch } from "wouter";

const LIBRARY = "/";

let address = LIBRARY;
const positions = new Map<string, number>();

/** The library's address, with the search and label that were last shown. */
export function libraryAddress(): string {
  return address;
}

/** Shows every page from its top, but the library where it was last scrolled to. */
export function useScrollPositions(): void {
  const [path] = useLocation();
  const search = useSearch();
  useLayoutEffect(() => {
    const current = search ? `${path}?${search}` : path;
    if (path === LIBRARY) address = current;
    window.scrollTo(0, path === LIBRARY ? (positions.get(current) ?? 0) : 0);
    const keep = () => positions.set(current, window.scrollY);
    window.addEventListener("scroll", keep, { passive: true });
    return () => window.removeEventListener("scroll", keep);
  }, [path, search]);
  useEffect(() => {
    history.scrollRestoration = "manual";
    // The next API key may be another person's.
    return () => {
      address = LIBRARY;
      positions.clear();
    };
  }, []);
}
