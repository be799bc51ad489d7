import { beatsBetween } from "./beats";

const SCHEDULED_S = 3;
const SCHEDULE_MS = 500;
const CLICK_S = 0.04;
const CLICK_HZ = 1_200;
const DOWN_HZ = 1_800;
const CLICK_GAIN = 0.5;

/** When beats are, and which of them start a bar, in seconds of the recording. */
export type Beats = { beats: ArrayLike<number>; downbeats: ArrayLike<number> };

/** Plays a click on each beat, a higher one where a bar starts, by the clock of an audio context: to the sample. */
export class ClickTrack {
  readonly #context: AudioContext;
  readonly #beats: Beats;
  readonly #clicks: { beat: AudioBuffer; down: AudioBuffer };
  readonly #out: GainNode;
  #players: AudioBufferSourceNode[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(context: AudioContext, beats: Beats, out: AudioNode) {
    this.#context = context;
    this.#beats = beats;
    this.#clicks = { beat: click(context, CLICK_HZ), down: click(context, DOWN_HZ) };
    this.#out = new GainNode(context, { gain: CLICK_GAIN });
    this.#out.connect(out);
  }

  /** Starts at a time of the context's clock, from a position in the recording. Clicks whose time has passed are left out. */
  start(atTime: number, fromS: number, speed: number): void {
    this.stop();
    let scheduledS = fromS;
    const schedule = () => {
      const nowS = fromS + Math.max(0, this.#context.currentTime - atTime) * speed;
      const untilS = nowS + SCHEDULED_S * speed;
      for (const { timeS, down } of beatsBetween(this.#beats.beats, this.#beats.downbeats, Math.max(scheduledS, nowS), untilS)) {
        this.#click(down ? this.#clicks.down : this.#clicks.beat, atTime + (timeS - fromS) / speed);
      }
      scheduledS = Math.max(scheduledS, untilS);
    };
    schedule();
    this.#timer = setInterval(schedule, SCHEDULE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const player of this.#players) {
      player.onended = null;
      player.stop();
      player.disconnect();
    }
    this.#players = [];
  }

  /** Stops for good. */
  close(): void {
    this.stop();
    this.#out.disconnect();
  }

  #click(buffer: AudioBuffer, atTime: number): void {
    const player = new AudioBufferSourceNode(this.#context, { buffer });
    player.connect(this.#out);
    player.onended = () => {
      this.#players = this.#players.filter((one) => one !== player);
    };
    player.start(atTime);
    this.#players.push(player);
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
