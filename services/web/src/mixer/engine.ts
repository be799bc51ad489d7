import type { Source } from "../sound/transport";
import { levelDb, type Mix, QUIETEST_DB, stereoGains } from "./mix";

const SMOOTH_S = 0.012;
const AHEAD_S = 0.03;
const METER_SAMPLES = 2_048;

type Strip = { left: GainNode; right: GainNode; entry: AudioNode };

/** Plays stems through Web Audio: all of them start at the same sample, each with its own gains for left and right. */
export class StemsSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  readonly #context: AudioContext;
  readonly #buffers: ReadonlyMap<string, AudioBuffer>;
  readonly #strips = new Map<string, Strip>();
  readonly #meter: AnalyserNode;
  readonly #samples = new Float32Array(METER_SAMPLES);
  #players: AudioBufferSourceNode[] = [];
  #fromS = 0;
  #startedAt = 0;

  constructor(context: AudioContext, buffers: ReadonlyMap<string, AudioBuffer>) {
    this.#context = context;
    this.#buffers = buffers;
    this.endS = Math.max(0, ...[...buffers.values()].map(({ duration }) => duration));
    this.#meter = new AnalyserNode(context, { fftSize: METER_SAMPLES });
    this.#meter.connect(context.destination);
    for (const name of buffers.keys()) this.#strips.set(name, strip(context, this.#meter));
  }

  async play(fromS: number): Promise<void> {
    await this.#context.resume();
    this.#stop();
    this.#startedAt = this.#context.currentTime + AHEAD_S;
    this.#fromS = fromS;
    for (const [name, buffer] of this.#buffers) {
      const player = new AudioBufferSourceNode(this.#context, { buffer });
      player.connect(this.#strips.get(name)?.entry ?? this.#meter);
      player.start(this.#startedAt, Math.min(fromS, buffer.duration));
      this.#players.push(player);
    }
  }

  pause(): void {
    this.#stop();
  }

  close(): void {
    this.#stop();
  }

  now(): number {
    return this.#fromS + Math.max(0, this.#context.currentTime - this.#startedAt);
  }

  /** Changes to another mix without a click. */
  setMix(mix: Mix): void {
    for (const [name, { left, right }] of this.#strips) {
      const [toLeft, toRight] = stereoGains(mix, name);
      left.gain.setTargetAtTime(toLeft, this.#context.currentTime, SMOOTH_S);
      right.gain.setTargetAtTime(toRight, this.#context.currentTime, SMOOTH_S);
    }
  }

  /** The mix's level now, in dBFS, at least -60. */
  level(): number {
    if (!this.#players.length) return QUIETEST_DB;
    this.#meter.getFloatTimeDomainData(this.#samples);
    return levelDb(this.#samples);
  }

  #stop(): void {
    for (const player of this.#players) player.stop();
    this.#players = [];
  }
}

function strip(context: AudioContext, out: AudioNode): Strip {
  const entry = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  const left = new GainNode(context);
  const right = new GainNode(context);
  const both = new ChannelMergerNode(context, { numberOfInputs: 2 });
  entry.connect(left, 0).connect(both, 0, 0);
  entry.connect(right, 1).connect(both, 0, 1);
  both.connect(out);
  return { left, right, entry };
}
