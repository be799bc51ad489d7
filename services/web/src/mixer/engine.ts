import { SILENCE_DB } from "../sound/level";
import { Stretcher } from "../sound/stretch";
import { type Place, WebAudioSource } from "../sound/webAudioSource";
import { type Mix, stereoGains } from "./mix";
import { StereoMeter } from "./stereoMeter";

const SMOOTH_S = 0.012;

type Strip = { left: GainNode; right: GainNode; entry: AudioNode; meter: StereoMeter };

/** Plays stems: all of them start at the same sample, each with its own gains for left and right. */
export class StemsSource extends WebAudioSource {
  readonly #buffers: ReadonlyMap<string, AudioBuffer>;
  readonly #strips = new Map<string, Strip>();
  readonly #out: GainNode;
  readonly #meter: StereoMeter;
  readonly #stretcher: Stretcher;
  #players: AudioBufferSourceNode[] = [];

  constructor(context: AudioContext, buffers: ReadonlyMap<string, AudioBuffer>) {
    super(context, Math.max(0, ...[...buffers.values()].map(({ duration }) => duration)));
    this.#buffers = buffers;
    this.#out = new GainNode(context);
    this.#meter = new StereoMeter(context);
    this.#out.connect(this.#meter.entry);
    this.#out.connect(this.band.entry);
    for (const name of buffers.keys()) this.#strips.set(name, strip(context, this.#out));
    this.#stretcher = new Stretcher(context, [...buffers].map(([name, buffer]) => ({ buffer, out: this.#entry(name) })));
  }

  /** Changes to another mix without a click. */
  setMix(mix: Mix): void {
    for (const [name, { left, right }] of this.#strips) {
      const [toLeft, toRight] = stereoGains(mix, name);
      left.gain.setTargetAtTime(toLeft, this.context.currentTime, SMOOTH_S);
      right.gain.setTargetAtTime(toRight, this.context.currentTime, SMOOTH_S);
    }
  }

  /** The level now of a stem as it is in the mix, or of the mix, before the volume: of the louder channel, in dBFS, at least -60. */
  level(name?: string): number {
    const meter = name === undefined ? this.#meter : this.#strips.get(name)?.meter;
    return this.playing && meter ? meter.level() : SILENCE_DB;
  }

  protected override sound({ positionS, atTime }: Place): void {
    if (this.keepsPitch && this.speed !== 1) {
      this.#stretcher.start(atTime, positionS, this.speed);
      return;
    }
    for (const [name, buffer] of this.#buffers) {
      const player = new AudioBufferSourceNode(this.context, { buffer, playbackRate: this.speed });
      player.connect(this.#entry(name));
      player.start(atTime, Math.min(positionS, buffer.duration));
      this.#players.push(player);
    }
  }

  protected override silence(): void {
    this.#stretcher.stop();
    for (const player of this.#players) player.stop();
    this.#players = [];
  }

  #entry(name: string): AudioNode {
    return this.#strips.get(name)?.entry ?? this.#out;
  }
}

function strip(context: AudioContext, out: AudioNode): Strip {
  const entry = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  const left = new GainNode(context);
  const right = new GainNode(context);
  const both = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const meter = new StereoMeter(context);
  entry.connect(left, 0).connect(both, 0, 0);
  entry.connect(right, 1).connect(both, 0, 1);
  both.connect(meter.entry);
  both.connect(out);
  return { left, right, entry, meter };
}
