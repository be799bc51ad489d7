import type { Beats } from "./clickTrack";
import { type Controlled, dropKeys, restKeys, takeKeys } from "./mediaKeys";
import { rememberedSound, rememberVolume, type SoundSettings, withinRange } from "./settings";
import { Store } from "./store";

/** A sound that covers a part of the recording's time. */
export interface Source {
  readonly startS: number;
  readonly endS: number;
  /** Whether an audio element plays it. */
  readonly streamed: boolean;
  /** Resolves when it plays, or was paused before. Throws an `Error` when it cannot be played. */
  play(fromS: number): Promise<void>;
  pause(): void;
  /** The current position, in seconds of the recording. */
  now(): number;
  /** Changes how it is played, at once. */
  setSound(settings: SoundSettings): void;
  /** Adds a click on each beat, from now on; null takes them away. */
  setClicks?(beats: Beats | null): void;
  /** Stops it for good and frees what it holds. */
  close(): void;
  /** Is called, where it is set, when the sound breaks off. */
  onFailure?: ((problem: string) => void) | undefined;
  /** Is called, where it is set, when something other than this page pauses the sound, such as a headset; also at its end. */
  onPause?: (() => void) | undefined;
  /** Is called, where it is set, when something other than this page plays the sound again. */
  onPlay?: (() => void) | undefined;
}

/** `other` is the recording that this one is compared with. */
export type SourceName = "recording" | "evidence" | "stems" | "other";
/** The sources that beats are heard with. */
export const CLICKED: readonly SourceName[] = ["recording", "stems"];
export type Loop = { startS: number; endS: number };
export type Playing = {
  playing: boolean;
  /** Whether it will play as soon as enough of its source has loaded. */
  waiting: boolean;
  source: SourceName;
  /** The sources that can be played. */
  ready: readonly SourceName[];
  loop: Loop | null;
  problem: string | null;
};

const TICK_MS = 20;
const NEAR_END_S = 0.02;
const LEAST_LOOP_S = 0.05;

/** One clock and one set of controls for all sounds of a recording, or of a part of it. Media keys control what was played last. */
export class Transport implements Controlled {
  readonly state = new Store<Playing>({
    playing: false,
    waiting: false,
    source: "recording",
    ready: [],
    loop: null,
    problem: null,
  });
  /** The position in seconds; changes many times a second while it plays. */
  readonly time: Store<number>;
  /** How all sources are played. */
  readonly sound: Store<SoundSettings>;
  readonly startS: number;
  readonly endS: number;
  step: Controlled["step"];
  readonly #sources = new Map<SourceName, Source>();
  #clicks: Beats | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #attempt = 0;

  constructor(endS: number, sound = rememberedSound(), startS = 0) {
    this.startS = startS;
    this.endS = endS;
    this.time = new Store(startS);
    this.sound = new Store(sound);
  }

  /** Sets a source. The one before it is closed. */
  setSource(name: SourceName, source: Source): void {
    this.#sources.get(name)?.close();
    this.#sources.set(name, source);
    source.setSound(this.sound.get());
    if (this.#clicks && CLICKED.includes(name)) source.setClicks?.(this.#clicks);
    const isHeard = () => this.#source() === source;
    source.onFailure = (problem) => {
      if (!isHeard()) return;
      this.pause();
      this.state.update({ problem });
    };
    source.onPause = () => {
      // At its end a loop may start again.
      if (isHeard() && source.now() < source.endS) this.pause();
    };
    source.onPlay = () => {
      if (isHeard()) void this.play();
      else source.pause();
    };
    this.state.update({ ready: [...this.#sources.keys()] });
    const { source: current, playing, waiting } = this.state.get();
    if (current === name && (playing || waiting)) void this.play();
  }

  async toggle(): Promise<void> {
    const { playing, waiting } = this.state.get();
    if (playing || waiting) this.pause();
    else await this.play();
  }

  /** Plays from the current position, at which it stands until the source has loaded; from the start when it is at the end. */
  async play(): Promise<void> {
    const source = this.#source();
    this.#attempt += 1;
    const attempt = this.#attempt;
    clearInterval(this.#timer);
    this.state.update({ waiting: true });
    if (!source) return;
    const { loop } = this.state.get();
    const end = Math.min(source.endS, loop?.endS ?? source.endS);
    const start = Math.max(source.startS, loop?.startS ?? this.startS);
    const at = this.time.get();
    const from = at < start || at >= end - NEAR_END_S ? start : at;
    try {
      this.time.set(from);
      await source.play(from);
      if (attempt !== this.#attempt) return;
      this.state.update({ playing: true, waiting: false, problem: null });
      takeKeys(this, source.streamed);
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    } catch (error) {
      if (attempt === this.#attempt) this.#failed(error);
    }
  }

  pause(): void {
    this.#attempt += 1;
    clearInterval(this.#timer);
    this.#source()?.pause();
    this.state.update({ playing: false, waiting: false });
    restKeys(this);
  }

  /** Goes to a position. One outside the loop leaves it. */
  seek(toS: number): void {
    const atS = Math.min(Math.max(this.startS, toS), this.endS);
    this.time.set(atS);
    const { playing, waiting, loop } = this.state.get();
    if (loop && (atS < loop.startS || atS > loop.endS)) this.setLoop(null);
    if (playing || waiting) void this.play();
    else restKeys(this);
  }

  position(): { atS: number; speed: number } {
    return { atS: this.time.get(), speed: this.sound.get().speed };
  }

  /** Continues with another source at the same position. */
  switchTo(name: SourceName): void {
    const { playing, waiting, source } = this.state.get();
    if (name === source) return;
    this.#sources.get(source)?.pause();
    this.state.update({ source: name });
    if (playing || waiting) void this.play();
  }

  setLoop(loop: Loop | null): void {
    const fits = loop && loop.endS - loop.startS >= LEAST_LOOP_S;
    this.state.update({ loop: fits ? loop : null });
  }

  /** Changes how all sources are played. The volume is remembered for other recordings. */
  setSound(change: Partial<SoundSettings>): void {
    const settings = withinRange({ ...this.sound.get(), ...change });
    this.sound.set(settings);
    rememberVolume(settings);
    for (const source of this.#sources.values()) source.setSound(settings);
    const source = this.#source();
    if (this.state.get().playing && source) takeKeys(this, source.streamed);
  }

  /** Adds a click on each beat to the recording and its stems; null takes them away. */
  setClicks(beats: Beats | null): void {
    this.#clicks = beats;
    for (const name of CLICKED) this.#sources.get(name)?.setClicks?.(beats);
  }

  /** Stops and closes all sources. */
  close(): void {
    this.pause();
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
    dropKeys(this);
  }

  #source(): Source | undefined {
    return this.#sources.get(this.state.get().source);
  }

  #failed(error: unknown): void {
    this.pause();
    this.state.update({ problem: error instanceof Error ? error.message : "it cannot be played" });
  }

  #tick(): void {
    const source = this.#source();
    if (!source) {
      this.pause();
      return;
    }
    const now = source.now();
    const { loop } = this.state.get();
    if (loop && now >= loop.endS) {
      this.time.set(loop.startS);
      void this.play();
      return;
    }
    this.time.set(Math.min(now, this.endS));
    if (now >= source.endS - 1e-3) this.pause();
  }
}
