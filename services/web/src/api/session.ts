import { useSyncExternalStore } from "react";

const STORED = "phonoscope.key";
const FRAGMENT = /^#key=([\w-]+)$/;

let problem: string | null = null;
const listeners = new Set<() => void>();

/** The API key of this tab, or null. It is sent as a header and never becomes a cookie. */
export function currentKey(): string | null {
  return sessionStorage.getItem(STORED);
}

/** Why the last key was put away, in words, or null. */
export function signInProblem(): string | null {
  return problem;
}

export function signIn(key: string): void {
  problem = null;
  sessionStorage.setItem(STORED, key);
  tell();
}

export function signOut(why: string | null = null): void {
  problem = why;
  sessionStorage.removeItem(STORED);
  tell();
}

/** Takes the key out of an address such as `/#key=psk_…`, so that neither history nor a copied link has it. */
export function takeKeyFromAddress(): void {
  const found = FRAGMENT.exec(location.hash);
  if (!found?.[1]) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  signIn(found[1]);
}

export function useKey(): string | null {
  return useSyncExternalStore(subscribe, currentKey);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}
