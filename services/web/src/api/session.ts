import { useSyncExternalStore } from "react";
import { ROOT_PATH } from "./root";

// Another service may run under another prefix of the same host.
const STORED = `phonoscope.key${ROOT_PATH}`;
const FRAGMENT = /^#key=([\w-]+)$/;

let problem: string | null = null;
const listeners = new Set<() => void>();

/** The API key of this tab, or null. It is sent as a header, never as a cookie. */
export function currentKey(): string | null {
  return sessionStorage.getItem(STORED);
}

/** Why the service refused the last key, as a sentence, or null. */
export function signInProblem(): string | null {
  return problem;
}

export function signIn(key: string): void {
  problem = null;
  sessionStorage.setItem(STORED, key);
  notify();
}

export function signOut(why: string | null = null): void {
  problem = why;
  sessionStorage.removeItem(STORED);
  notify();
}

/** Removes the key from an address such as `/#key=psk_…`, so that neither the history nor a copied link holds it, and signs in with it. */
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

function notify(): void {
  for (const listener of listeners) listener();
}
