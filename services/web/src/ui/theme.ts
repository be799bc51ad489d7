import { useSyncExternalStore } from "react";

export type Theme = "dark" | "light";

const STORED = "phonoscope.theme";
const listeners = new Set<() => void>();

/** What was chosen, else dark: the sound is the brightest thing on the screen. */
export function currentTheme(): Theme {
  return localStorage.getItem(STORED) === "light" ? "light" : "dark";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = currentTheme();
}

export function toggleTheme(): void {
  localStorage.setItem(STORED, currentTheme() === "dark" ? "light" : "dark");
  applyTheme();
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, currentTheme);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
