import { BandFilter } from "./bandFilter";
import { type Beats, ClickTrack } from "./clickTrack";
import type { SoundSettings } from "./settings";
import type { Source } from "./transport";

const SMOOTH_S = 0.012;
const AHEAD_S = 0.03;

/** Where sound goes on: a position in the recording, and the time of the context's clock at which it is heard. */
export type Place = { positionS: number; atTime: number };

/** Plays a recording through Web Audio by one clock, to the sample, with a click on each beat. Subclasses say what sounds. */
export abstract class WebAudioSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  readonly streamed = false;
  onFailure: ((problem: string) => void) | undefined;
  protected readonly context: AudioContext;
  /** What sounds goes through its entry. */
  protected readonly band: BandFilter;
  protected playing = false;
  /** Whether it stands still because what comes next is late. */
  protected stalled = false;
  protected speed = 1;
  protected keepsPitch = true;
  /** Counts what began or ended it: what was begun before goes on no more. */
  protected attempt = 0;
  readonly #volume: GainNode;
  #clicks: ClickTrack | null = null;
  #from: Place = { positionS: 0, atTime: 0 };

  constructor(context: AudioContext, endS: number) {
    this.context = context;
    this.endS = endS;
    this.#volume = new GainNode(context);
    this.band = new BandFilter(context);
    this.band.exit.connect(this.#volume).connect(context.destination);
  }

  /** Schedules what sounds from a place on. */
  protected abstract sound(from: Place): void;

  /** Stops all that was scheduled. */
  protected abstract silence(): void;

  /** Resolves when what sounds first is there. */
  protected load(_fromS: number): Promise<unknown> {
    return Promise.resolve();
  }

  async play(fromS: number): Promise<void> {
    this.pause();
    this.#from = { positionS: fromS, atTime: Number.POSITIVE_INFINITY };
    const { attempt } = this;
    try {
      await Promise.all([this.context.resume(), this.load(fromS)]);
    } catch (error) {
      if (attempt === this.attempt) throw error;
    }
    if (attempt === this.attempt) this.begin(fromS);
  }

  pause(): void {
    this.attempt += 1;
    this.playing = false;
    this.#clicks?.stop();
    this.silence();
  }

  now(): number {
    const { positionS, atTime } = this.#from;
    return positionS + Math.max(0, this.context.currentTime - atTime) * this.speed;
  }

  setSound({ speed, keepsPitch, volume, muted, band }: SoundSettings): void {
    this.#setVolume(muted ? 0 : volume);
    this.band.set(band);
    if (speed === this.speed && keepsPitch === this.keepsPitch) return;
    const at = this.now();
    const { playing } = this;
    if (playing) this.pause();
    this.speed = speed;
    this.keepsPitch = keepsPitch;
    if (playing) this.begin(at);
  }

  setClicks(beats: Beats | null): void {
    this.#clicks?.close();
    this.#clicks = beats && new ClickTrack(this.context, beats, this.#volume);
    if (this.playing && !this.stalled) this.#click();
  }

  close(): void {
    this.pause();
    this.setClicks(null);
  }

  protected begin(fromS: number): void {
    const { sampleRate: rateHz, currentTime } = this.context;
    this.playing = true;
    this.stalled = false;
    // Not after it: a beat there is heard too.
    const positionS = Math.floor(fromS * rateHz + 1e-6) / rateHz;
    this.#from = { positionS, atTime: Math.ceil((currentTime + AHEAD_S) * rateHz) / rateHz };
    this.sound(this.#from);
    this.#click();
  }

  protected stall(): void {
    this.stalled = true;
    this.#clicks?.stop();
  }

  #click(): void {
    const { atTime, positionS } = this.#from;
    this.#clicks?.start(atTime, positionS, this.speed);
  }

  #setVolume(volume: number): void {
    const { gain } = this.#volume;
    gain.cancelScheduledValues(0);
    if (this.playing) gain.setTargetAtTime(volume, this.context.currentTime, SMOOTH_S);
    else gain.value = volume;
  }
}
