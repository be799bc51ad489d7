import { BandFilter } from "./bandFilter";
import { beatsBetween } from "./beats";
import type { SoundSettings } from "./settings";
import { Stretcher } from "./stretch";
import type { Source } from "./transport";

const AHEAD_S = 0.03;
const SCHEDULED_S = 3;
const SCHEDULE_MS = 500;
const CLICK_S = 0.04;
const CLICK_HZ = 1_200;
const DOWN_HZ = 1_800;
const CLICK_GAIN = 0.5;

/** When beats are, and which of them start a bar, in seconds of the recording. */
export type Beats = { beats: ArrayLike<number>; downbeats: ArrayLike<number> };

/** Plays a decoded recording with a click on each beat, a higher one where a bar starts: both start by one clock, to the sample. */
export class ClickedSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  readonly #context: AudioContext;
  readonly #buffer: AudioBuffer;
  readonly #beats: Beats;
  readonly #clicks: { beat: AudioBuffer; down: AudioBuffer };
  readonly #out: GainNode;
  readonly #volume: GainNode;
  readonly #band: BandFilter;
  readonly #stretcher: Stretcher;
  #playing = false;
  #speed = 1;
  #keepsPitch = true;
  #players: AudioBufferSourceNode[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #fromS = 0;
  #startedAt = 0;
  /** Clicks before this time of the recording are scheduled. */
  #scheduledS = 0;
  #attempt = 0;

  constructor(context: AudioContext, buffer: AudioBuffer, beats: Beats, endS: number) {
    this.#context = context;
    this.#buffer = buffer;
    this.#beats = beats;
    this.endS = endS;
    this.#clicks = { beat: click(context, CLICK_HZ), down: click(context, DOWN_HZ) };
    this.#out = new GainNode(context, { gain: CLICK_GAIN });
    this.#volume = new GainNode(context);
    this.#band = new BandFilter(context);
    this.#out.connect(this.#volume);
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
    this.#out.disconnect();
    this.#volume.disconnect();
  }

  #begin(fromS: number): void {
    this.#playing = true;
    this.#startedAt = this.#context.currentTime + AHEAD_S;
    this.#fromS = fromS;
    this.#scheduledS = fromS;
    if (fromS < this.#buffer.duration) this.#startRecording(fromS);
    this.#schedule();
    this.#timer = setInterval(() => this.#schedule(), SCHEDULE_MS);
  }

  #startRecording(fromS: number): void {
    if (this.#keepsPitch && this.#speed !== 1) this.#stretcher.start(this.#startedAt, fromS, this.#speed);
    else this.#start(this.#buffer, this.#band.entry, this.#startedAt, fromS, this.#speed);
  }

  /** Starts the clicks of the next seconds, ahead of their time. */
  #schedule(): void {
    const untilS = this.now() + SCHEDULED_S * this.#speed;
    for (const { timeS, down } of beatsBetween(this.#beats.beats, this.#beats.downbeats, this.#scheduledS, untilS)) {
      const atS = this.#startedAt + (timeS - this.#fromS) / this.#speed;
      this.#start(down ? this.#clicks.down : this.#clicks.beat, this.#out, atS, 0);
    }
    this.#scheduledS = Math.max(this.#scheduledS, untilS);
  }

  #start(buffer: AudioBuffer, out: AudioNode, atS: number, offsetS: number, playbackRate = 1): void {
    const player = new AudioBufferSourceNode(this.#context, { buffer, playbackRate });
    player.connect(out);
    player.onended = () => {
      this.#players = this.#players.filter((one) => one !== player);
    };
    player.start(atS, offsetS);
    this.#players.push(player);
  }

  #stop(): void {
    this.#playing = false;
    clearInterval(this.#timer);
    this.#stretcher.stop();
    for (const player of this.#players) {
      player.onended = null;
      player.stop();
      player.disconnect();
    }
    this.#players = [];
  }
}

/** A short tone that fades, from its first sample on. */
function click(context: AudioContext, hertz: number): AudioBuffer {
  const buffer = context.createBuffer(1, Math.round(CLICK_S * context.sampleRate), context.sampleRate);
  const samples = buffer.getChannelData(0);
  for (let at = 0; at < samples.length; at += 1) {
    const seconds = at / context.sampleRate;
    samples[at] = Math.cos(2 * Math.PI * hertz * seconds) * Math.exp(-seconds / 0.008);
  }
  return buffer;
}
