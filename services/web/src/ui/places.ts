import { useEffect, useLayoutEffect } from "react";
import { useLocation, useSearch } from "wouter";

const LIBRARY = "/";

let left = LIBRARY;
const scrolled = new Map<string, number>();

/** The library's address as it was when it was last seen. */
export function wayBack(): string {
  return left;
}

/** Every page starts at its top, but the library goes on where it was left. */
export function usePlaces(): void {
  const [path] = useLocation();
  const search = useSearch();
  useLayoutEffect(() => {
    const address = search ? `${path}?${search}` : path;
    if (path === LIBRARY) left = address;
    window.scrollTo(0, path === LIBRARY ? (scrolled.get(address) ?? 0) : 0);
    const keep = () => scrolled.set(address, window.scrollY);
    window.addEventListener("scroll", keep, { passive: true });
    return () => window.removeEventListener("scroll", keep);
  }, [path, search]);
  useEffect(() => {
    history.scrollRestoration = "manual";
    // The next key is somebody else's.
    return () => {
      left = LIBRARY;
      scrolled.clear();
    };
  }, []);
}
