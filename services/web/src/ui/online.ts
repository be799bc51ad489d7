import { useSyncExternalStore } from "react";

/** Whether the browser has a network. */
export function useOnline(): boolean {
  return useSyncExternalStore(subscribe, () => navigator.onLine);
}

function subscribe(listener: () => void): () => void {
  const stop = new AbortController();
  for (const type of ["online", "offline"]) window.addEventListener(type, listener, { signal: stop.signal });
  return () => stop.abort();
}
