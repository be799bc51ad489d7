import { useSyncExternalStore } from "react";

export type Theme = "dark" | "light";

const STORED = "phonoscope.theme";
const listeners = new Set<() => void>();

/** The theme that was chosen, else dark. */
export function currentTheme(): Theme {
  return localStorage.getItem(STORED) === "light" ? "light" : "dark";
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
}

export function toggleTheme(): void {
  localStorage.setItem(STORED, currentTheme() === "dark" ? "light" : "dark");
  applyTheme();
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, currentTheme);
}

/** A design token's value in the current theme, for example the colour `--wave`. */
export function useToken(name: string): string {
  return useSyncExternalStore(subscribe, () => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
