import { afterEach, beforeEach, vi } from "vitest";

/** Has each test of a file make these in place of a browser's, with a clock of its own; none is there at first, and every link works. */
export function withPlayers(): void {
  beforeEach(() => {
    made.length = 0;
    Player.broken.clear();
    vi.stubGlobal("Audio", Player);
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}

/** Those that were made since the last test began, in their order. */
export const made: Player[] = [];

/** An audio element as browsers have it: it plays by the clock, and only what its link gives. */
export class Player extends EventTarget {
  static broken = new Set<string>();
  src = "";
  crossOrigin: string | null = null;
  preload = "";
  paused = true;
  error: object | null = null;
  ended = false;
  defaultPlaybackRate = 1;
  volume = 1;
  muted = false;
  preservesPitch = true;
  #rate = 1;
  #at = 0;
  #since = 0;

  constructor() {
    super();
    made.push(this);
    setTimeout(() => this.dispatchEvent(new Event(Player.broken.has(this.src) ? "error" : "canplay")), 100);
  }

  get currentTime(): number {
    return this.paused || this.error ? this.#at : this.#at + (this.#rate * (Date.now() - this.#since)) / 1000;
  }

  get playbackRate(): number {
    return this.#rate;
  }

  set playbackRate(rate: number) {
    this.#at = this.currentTime;
    this.#since = Date.now();
    this.#rate = rate;
  }

  set currentTime(to: number) {
    this.#at = to;
    this.#since = Date.now();
    this.ended = false;
  }

  play(): Promise<void> {
    if (Player.broken.has(this.src)) {
      this.error = {};
      return Promise.reject(new DOMException("no supported source", "NotSupportedError"));
    }
    this.currentTime = this.#at;
    if (this.paused) queueMicrotask(() => this.dispatchEvent(new Event("play")));
    this.paused = false;
    return Promise.resolve();
  }

  pause(): void {
    if (this.paused) return;
    this.#at = this.currentTime;
    this.paused = true;
    queueMicrotask(() => this.dispatchEvent(new Event("pause")));
  }

  /** Comes to the end of what its link gives. */
  finish(): void {
    this.pause();
    this.ended = true;
  }

  /** Breaks off, as when the service answers 403 to the next range. */
  breakOff(): void {
    Player.broken.add(this.src);
    this.pause();
    this.paused = false;
    this.error = {};
    this.dispatchEvent(new Event("error"));
  }

  removeAttribute(): void {
    this.src = "";
  }

  load(): void {
    this.paused = true;
  }
}
