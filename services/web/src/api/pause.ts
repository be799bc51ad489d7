/** Waits so many milliseconds. Rejects with the signal's reason when the signal aborts first. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** Aborts its signal when it was not restarted for the last time limit that it was given. */
export class Watchdog {
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly signal = this.#stop.signal;

  restart(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop.abort(new DOMException("nothing was received in time", "TimeoutError")), milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
