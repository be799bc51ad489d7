import { beatsBetween } from "./beats";
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
    this.#out.connect(context.destination);
  }

  async play(fromS: number): Promise<void> {
    this.#stop();
    const attempt = this.#attempt;
    await this.#context.resume();
    if (attempt !== this.#attempt) return;
    this.#startedAt = this.#context.currentTime + AHEAD_S;
    this.#fromS = fromS;
    this.#scheduledS = fromS;
    if (fromS < this.#buffer.duration) this.#start(this.#buffer, this.#context.destination, this.#startedAt, fromS);
    this.#schedule();
    this.#timer = setInterval(() => this.#schedule(), SCHEDULE_MS);
  }

  pause(): void {
    this.#stop();
  }

  now(): number {
    return Math.min(this.endS, this.#fromS + Math.max(0, this.#context.currentTime - this.#startedAt));
  }

  close(): void {
    this.#stop();
    this.#out.disconnect();
  }

  /** Starts the clicks of the next seconds, ahead of their time. */
  #schedule(): void {
    const untilS = this.now() + SCHEDULED_S;
    for (const { timeS, down } of beatsBetween(this.#beats.beats, this.#beats.downbeats, this.#scheduledS, untilS)) {
      this.#start(down ? this.#clicks.down : this.#clicks.beat, this.#out, this.#startedAt + timeS - this.#fromS, 0);
    }
    this.#scheduledS = Math.max(this.#scheduledS, untilS);
  }

  #start(buffer: AudioBuffer, out: AudioNode, atS: number, offsetS: number): void {
    const player = new AudioBufferSourceNode(this.#context, { buffer });
    player.connect(out);
    player.onended = () => {
      this.#players = this.#players.filter((one) => one !== player);
    };
    player.start(atS, offsetS);
    this.#players.push(player);
  }

  #stop(): void {
    this.#attempt += 1;
    clearInterval(this.#timer);
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
