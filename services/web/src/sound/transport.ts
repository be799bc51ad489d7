import { Store } from "./store";

/** A sound that covers a part of the recording's time. */
export interface Source {
  readonly startS: number;
  readonly endS: number;
  play(fromS: number): Promise<void>;
  pause(): void;
  /** The current position, in seconds of the recording. */
  now(): number;
}

export type SourceName = "recording" | "evidence" | "stems";
export type Loop = { startS: number; endS: number };
export type Playing = {
  playing: boolean;
  /** Whether it plays as soon as its source has loaded. */
  waiting: boolean;
  source: SourceName;
  /** The sources that have loaded. */
  ready: readonly SourceName[];
  loop: Loop | null;
  problem: string | null;
};

const TICK_MS = 20;
const NEAR_END_S = 0.02;
const LEAST_LOOP_S = 0.05;

/** One clock and one set of controls for all sounds of a recording. */
export class Transport {
  readonly state = new Store<Playing>({
    playing: false,
    waiting: false,
    source: "recording",
    ready: [],
    loop: null,
    problem: null,
  });
  /** The position in seconds; changes many times a second while it plays. */
  readonly time = new Store(0);
  readonly durationS: number;
  readonly #sources = new Map<SourceName, Source>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(durationS: number) {
    this.durationS = durationS;
  }

  /** Sets a source. The one before it stops. */
  setSource(name: SourceName, source: Source): void {
    this.#sources.get(name)?.pause();
    this.#sources.set(name, source);
    this.state.update({ ready: [...this.#sources.keys()] });
    const { source: current, playing, waiting } = this.state.get();
    if (current === name && (playing || waiting)) void this.play();
  }

  async toggle(): Promise<void> {
    const { playing, waiting } = this.state.get();
    if (playing || waiting) this.pause();
    else await this.play();
  }

  /** Plays from the current position as soon as the source has loaded; from the start when the position is at the end. */
  async play(): Promise<void> {
    const source = this.#source();
    this.state.update({ waiting: !source });
    if (!source) return;
    const { loop } = this.state.get();
    const end = Math.min(source.endS, loop?.endS ?? source.endS);
    const start = Math.max(source.startS, loop?.startS ?? source.startS);
    const at = this.time.get();
    const from = at < start || at >= end - NEAR_END_S ? start : at;
    try {
      this.time.set(from);
      await source.play(from);
      this.state.update({ playing: true, problem: null });
      clearInterval(this.#timer);
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    } catch (error) {
      this.state.update({ playing: false, problem: error instanceof Error ? error.message : "it cannot be played" });
    }
  }

  pause(): void {
    clearInterval(this.#timer);
    this.#source()?.pause();
    this.state.update({ playing: false, waiting: false });
  }

  seek(toS: number): void {
    this.time.set(Math.min(Math.max(0, toS), this.durationS));
    if (this.state.get().playing) void this.play();
  }

  /** Continues with another source at the same position. */
  switchTo(name: SourceName): void {
    const { playing, source } = this.state.get();
    if (name === source) return;
    this.#sources.get(source)?.pause();
    this.state.update({ source: name });
    if (playing) void this.play();
  }

  setLoop(loop: Loop | null): void {
    const fits = loop && loop.endS - loop.startS >= LEAST_LOOP_S;
    this.state.update({ loop: fits ? loop : null });
  }

  /** Stops and forgets all sources. */
  close(): void {
    this.pause();
    this.#sources.clear();
  }

  #source(): Source | undefined {
    return this.#sources.get(this.state.get().source);
  }

  #tick(): void {
    const source = this.#source();
    if (!source) return this.pause();
    const now = source.now();
    const { loop } = this.state.get();
    if (loop && now >= loop.endS) {
      this.time.set(loop.startS);
      void source.play(Math.max(source.startS, loop.startS));
      return;
    }
    this.time.set(Math.min(now, this.durationS));
    if (now >= source.endS - 1e-3) this.pause();
  }
}
