import { BandFilter } from "./bandFilter";
import type { SoundSettings } from "./settings";
import type { Source } from "./transport";

// A renewed link starts to load this much after the position, so that its sound is ready when the position gets there.
const AHEAD_S = 0.5;
const LATE_S = 0.05;
// A sound that breaks off again before it got this far is damaged there: another link does not help.
const GOES_ON_S = 1;

/** Streams the sound at a signed link, which covers a part of the recording from `startS` to `endS`. */
export class AudioSource implements Source {
  readonly startS: number;
  readonly endS: number;
  readonly streamed = true;
  onFailure: ((problem: string) => void) | undefined;
  /** Is called, where it is set, when something other than this page pauses the sound, such as a headset; also at its end. */
  onPause: (() => void) | undefined;
  /** Is called, where it is set, when something other than this page plays the sound again. */
  onPlay: (() => void) | undefined;
  readonly #newUrl: () => Promise<string | undefined>;
  #url: string;
  #element: HTMLAudioElement;
  /** Loads a renewed link until it takes over. */
  #next: HTMLAudioElement | null = null;
  #playing = false;
  /** Whether its link could not be read again. */
  #unreachable = false;
  /** Whether the current element has played. */
  #begun = false;
  /** Where its element broke off since `play` was called last, in the element's seconds. */
  #brokeAtS = Number.NEGATIVE_INFINITY;
  #settings: SoundSettings | null = null;
  /** Its elements play through it as soon as a band was chosen. */
  #filter: { context: AudioContext; band: BandFilter } | null = null;
  readonly #routed = new WeakSet<HTMLAudioElement>();

  /** `newUrl` reads the link again; it is called when the link does not work any more. */
  constructor(url: string, startS: number, endS: number, newUrl: () => Promise<string | undefined>) {
    this.startS = startS;
    this.endS = endS;
    this.#newUrl = newUrl;
    this.#url = url;
    this.#element = this.#loading(url);
  }

  /** Resolves when the sound plays, or was paused before. Throws an `Error` when it cannot be played. */
  async play(fromS: number): Promise<void> {
    this.#takeOver();
    this.#playing = true;
    this.#brokeAtS = Number.NEGATIVE_INFINITY;
    void this.#filter?.context.resume();
    this.#element.currentTime = Math.max(0, fromS - this.startS);
    if (!this.#element.paused && !this.#element.error) return;
    if ((await this.#started()) || (await this.#restarted())) return;
    throw new Error(this.#unreachable ? "The recording cannot be fetched now." : "This browser cannot play the recording's format.");
  }

  pause(): void {
    this.#takeOver();
    this.#playing = false;
    this.#element.pause();
    void this.#filter?.context.suspend();
  }

  setSound(settings: SoundSettings): void {
    this.#settings = settings;
    if (settings.band && !this.#filter) this.#filter = bandFilter();
    this.#filter?.band.set(settings.band);
    this.#shape(this.#element);
    if (this.#next) this.#shape(this.#next);
  }

  now(): number {
    return this.#element.ended ? this.endS : this.startS + this.#element.currentTime;
  }

  close(): void {
    this.#playing = false;
    if (this.#next) release(this.#next);
    this.#next = null;
    release(this.#element);
    void this.#filter?.context.close();
    this.#filter = null;
  }

  /** Changes to another link to the same sound, which keeps its position; when it plays, it plays on without a break. */
  renew(url: string): void {
    if (url === this.#url) return;
    this.#load(url);
    const { error, ended } = this.#element;
    if (this.#playing && !error && !ended) this.#handOver();
    else {
      this.#takeOver();
      if (this.#playing && !ended) void this.#started();
    }
  }

  #load(url: string): void {
    this.#url = url;
    if (this.#next) release(this.#next);
    this.#next = this.#loading(url);
  }

  /** Lets the next element play on from where the current one will be as soon as it can. */
  #handOver(): void {
    const next = this.#next;
    if (!next) return;
    const speed = next.playbackRate;
    next.currentTime = this.#element.currentTime + AHEAD_S * speed;
    const start = async () => {
      if (this.#next !== next) return;
      if (this.#element.currentTime - next.currentTime > LATE_S) next.currentTime = this.#element.currentTime;
      try {
        await next.play();
      } catch {
        // The browser may want a press of a button first: the current link plays on, and the next press takes the newer one.
        return;
      }
      if (this.#next === next) this.#takeOver();
    };
    const untilS = () => Math.max(0, next.currentTime - this.#element.currentTime) / speed;
    next.addEventListener("canplay", () => setTimeout(start, 1000 * untilS()), { once: true });
  }

  /** Puts the next element, if there is one, in the current one's place and at its position. */
  #takeOver(): void {
    const [next, old] = [this.#next, this.#element];
    if (!next) return;
    this.#next = null;
    if (next.paused) {
      next.currentTime = old.currentTime;
      this.#begun = false;
    }
    this.#element = next;
    release(old);
  }

  /** Whether the current element plays, or was paused meanwhile. */
  async #started(): Promise<boolean> {
    try {
      await this.#element.play();
      this.#begun = true;
      return true;
    } catch (error) {
      return error instanceof DOMException && error.name === "AbortError";
    }
  }

  /** Whether the sound plays after its link was read again, or was paused meanwhile. */
  async #restarted(): Promise<boolean> {
    const url = await this.#newUrl().catch(() => undefined);
    if (!this.#playing) return true;
    this.#unreachable = !url;
    if (!url) return false;
    if (url !== this.#url || this.#element.error) {
      this.#load(url);
      this.#takeOver();
    }
    return this.#started();
  }

  #loading(url: string): HTMLAudioElement {
    const element = streamed(url);
    element.addEventListener("error", () => void this.#onError(element));
    element.addEventListener("pause", () => {
      if (element === this.#element && element.paused && !element.error && this.#playing) this.onPause?.();
    });
    element.addEventListener("play", () => {
      if (element === this.#element && !element.paused && !this.#playing) this.onPlay?.();
    });
    this.#shape(element);
    return element;
  }

  /** Has an element play as the settings say. */
  #shape(element: HTMLAudioElement): void {
    if (!this.#settings) return;
    const { speed, keepsPitch, volume, muted } = this.#settings;
    element.defaultPlaybackRate = speed;
    element.playbackRate = speed;
    element.preservesPitch = keepsPitch;
    element.volume = volume;
    element.muted = muted;
    if (!this.#filter || this.#routed.has(element)) return;
    this.#routed.add(element);
    this.#filter.context.createMediaElementSource(element).connect(this.#filter.band.entry);
  }

  async #onError(element: HTMLAudioElement): Promise<void> {
    // It broke off: its link has expired while the machine slept, or the service is away. `play` sees to an element that never played.
    if (element !== this.#element || !this.#playing || !this.#begun) return;
    this.#begun = false;
    const goesOn = element.currentTime - this.#brokeAtS >= GOES_ON_S;
    this.#brokeAtS = element.currentTime;
    if (!goesOn || !(await this.#restarted())) this.onFailure?.("The sound broke off. Play it again to continue.");
  }
}

function bandFilter(): { context: AudioContext; band: BandFilter } {
  const context = new AudioContext();
  const band = new BandFilter(context);
  band.exit.connect(context.destination);
  return { context, band };
}

/** An element that streams the sound at a signed link, as much of it at a time as it needs. */
export function streamed(url: string): HTMLAudioElement {
  const element = new Audio();
  // A link may redirect to the store's origin. Without this the page could play its sound, but not process it.
  element.crossOrigin = "anonymous";
  element.preload = "auto";
  element.src = url;
  return element;
}

/** Stops an element and its requests for good. */
export function release(element: HTMLAudioElement): void {
  element.pause();
  element.removeAttribute("src");
  element.load();
}
