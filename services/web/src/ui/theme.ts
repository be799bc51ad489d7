import { useSyncExternalStore } from "react";

export type Theme = "dark" | "light";

const STORED = "phonoscope.theme";
const LIGHT = "(prefers-color-scheme: light)";
const listeners = new Set<() => void>();

/** The theme that was chosen, else the system's. */
function currentTheme(): Theme {
  const chosen = localStorage.getItem(STORED);
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia(LIGHT).matches ? "light" : "dark";
}

/** Shows the current theme, now and when the system's changes. */
export function applyTheme(): void {
  show();
  matchMedia(LIGHT).addEventListener("change", show);
}

export function toggleTheme(): void {
  localStorage.setItem(STORED, currentTheme() === "dark" ? "light" : "dark");
  show();
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, currentTheme);
}

/** A design token's value in the current theme, for example the colour `--wave`. */
export function useToken(name: string): string {
  return useSyncExternalStore(subscribe, () => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
}

function show(): void {
  document.documentElement.dataset.theme = currentTheme();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
