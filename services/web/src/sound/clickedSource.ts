import { BandFilter } from "./bandFilter";
import { type Beats, ClickTrack } from "./clickTrack";
import type { SoundSettings } from "./settings";
import { Stretcher } from "./stretch";
import type { Source } from "./transport";

const AHEAD_S = 0.03;

/** Plays a decoded recording with a click on each beat: both start by one clock, to the sample. */
export class ClickedSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  readonly #context: AudioContext;
  readonly #buffer: AudioBuffer;
  readonly #clicks: ClickTrack;
  readonly #volume: GainNode;
  readonly #band: BandFilter;
  readonly #stretcher: Stretcher;
  #playing = false;
  #speed = 1;
  #keepsPitch = true;
  #player: AudioBufferSourceNode | null = null;
  #fromS = 0;
  #startedAt = 0;
  #attempt = 0;

  constructor(context: AudioContext, buffer: AudioBuffer, beats: Beats, endS: number) {
    this.#context = context;
    this.#buffer = buffer;
    this.endS = endS;
    this.#volume = new GainNode(context);
    this.#band = new BandFilter(context);
    this.#clicks = new ClickTrack(context, beats, this.#volume);
    this.#band.exit.connect(this.#volume).connect(context.destination);
    this.#stretcher = new Stretcher(context, [{ buffer, out: this.#band.entry }]);
  }

  async play(fromS: number): Promise<void> {
    this.pause();
    const attempt = this.#attempt;
    await this.#context.resume();
    if (attempt !== this.#attempt) return;
    this.#begin(fromS);
  }

  pause(): void {
    this.#attempt += 1;
    this.#stop();
  }

  now(): number {
    const elapsedS = Math.max(0, this.#context.currentTime - this.#startedAt);
    return Math.min(this.endS, this.#fromS + elapsedS * this.#speed);
  }

  setSound({ speed, keepsPitch, volume, muted, band }: SoundSettings): void {
    this.#volume.gain.value = muted ? 0 : volume;
    this.#band.set(band);
    if (speed === this.#speed && keepsPitch === this.#keepsPitch) return;
    const at = this.now();
    const playing = this.#playing;
    this.#stop();
    this.#speed = speed;
    this.#keepsPitch = keepsPitch;
    if (playing) this.#begin(at);
  }

  close(): void {
    this.pause();
    this.#clicks.close();
    this.#volume.disconnect();
  }

  #begin(fromS: number): void {
    this.#playing = true;
    this.#startedAt = this.#context.currentTime + AHEAD_S;
    this.#fromS = fromS;
    if (fromS < this.#buffer.duration) this.#startRecording(fromS);
    this.#clicks.start(this.#startedAt, fromS, this.#speed);
  }

  #startRecording(fromS: number): void {
    if (this.#keepsPitch && this.#speed !== 1) {
      this.#stretcher.start(this.#startedAt, fromS, this.#speed);
      return;
    }
    this.#player = new AudioBufferSourceNode(this.#context, { buffer: this.#buffer, playbackRate: this.#speed });
    this.#player.connect(this.#band.entry);
    this.#player.start(this.#startedAt, fromS);
  }

  #stop(): void {
    this.#playing = false;
    this.#stretcher.stop();
    this.#clicks.stop();
    this.#player?.stop();
    this.#player?.disconnect();
    this.#player = null;
  }
}
