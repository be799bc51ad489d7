import { useSyncExternalStore } from "react";

export const DENSITIES = ["comfortable", "dense"] as const;
export type Density = (typeof DENSITIES)[number];

const STORED = "phonoscope.density";
const WIDE = "(min-width: 1200px)";
const listeners = new Set<() => void>();

/** How rows of the library are shown on this machine; dense ones are lower and have more columns. */
export function useDensity(): [Density, (density: Density) => void] {
  return [useSyncExternalStore(subscribe, current), choose];
}

/** Whether the window has room for the columns of dense rows. */
export function useIsWide(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const query = matchMedia(WIDE);
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    () => matchMedia(WIDE).matches,
  );
}

function current(): Density {
  return DENSITIES.find((density) => density === localStorage.getItem(STORED)) ?? "comfortable";
}

function choose(density: Density): void {
  localStorage.setItem(STORED, density);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
