/** Whether the browser knows that it has no network. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}

/** Calls a function each time the network is back. Returns what ends that. */
export function whenOnline(back: () => void): () => void {
  const stop = new AbortController();
  window.addEventListener("online", back, { signal: stop.signal });
  return () => stop.abort();
}

/** Resolves when the network is back. Rejects with the signal's reason when the signal aborts first. */
export function untilOnline(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      stop();
      reject(signal.reason as Error);
    };
    const stop = whenOnline(() => {
      stop();
      signal.removeEventListener("abort", abort);
      resolve();
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
