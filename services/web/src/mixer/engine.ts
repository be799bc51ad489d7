import { BandFilter } from "../sound/bandFilter";
import { type Beats, ClickTrack } from "../sound/clickTrack";
import { levelDb, SILENCE_DB } from "../sound/level";
import type { SoundSettings } from "../sound/settings";
import { Stretcher } from "../sound/stretch";
import type { Source } from "../sound/transport";
import { type Mix, stereoGains } from "./mix";

const SMOOTH_S = 0.012;
const AHEAD_S = 0.03;
const METER_SAMPLES = 2_048;

type Strip = { left: GainNode; right: GainNode; entry: AudioNode; meter: AnalyserNode };

/** Plays stems through Web Audio: all of them start at the same sample, each with its own gains for left and right. */
export class StemsSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  readonly #context: AudioContext;
  readonly #buffers: ReadonlyMap<string, AudioBuffer>;
  readonly #strips = new Map<string, Strip>();
  readonly #meter: AnalyserNode;
  readonly #band: BandFilter;
  readonly #volume: GainNode;
  readonly #stretcher: Stretcher;
  readonly #samples = new Float32Array(METER_SAMPLES);
  #players: AudioBufferSourceNode[] = [];
  #clicks: ClickTrack | null = null;
  #playing = false;
  #speed = 1;
  #keepsPitch = true;
  #fromS = 0;
  #startedAt = 0;
  #attempt = 0;

  constructor(context: AudioContext, buffers: ReadonlyMap<string, AudioBuffer>) {
    this.#context = context;
    this.#buffers = buffers;
    this.endS = Math.max(0, ...[...buffers.values()].map(({ duration }) => duration));
    this.#meter = new AnalyserNode(context, { fftSize: METER_SAMPLES });
    this.#band = new BandFilter(context);
    this.#volume = new GainNode(context);
    this.#meter.connect(this.#band.entry);
    this.#band.exit.connect(this.#volume).connect(context.destination);
    for (const name of buffers.keys()) this.#strips.set(name, strip(context, this.#meter));
    this.#stretcher = new Stretcher(context, [...buffers].map(([name, buffer]) => ({ buffer, out: this.#entry(name) })));
  }

  async play(fromS: number): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    await this.#context.resume();
    // It was paused, or is played from elsewhere, meanwhile.
    if (attempt !== this.#attempt) return;
    this.#stop();
    this.#start(fromS);
  }

  pause(): void {
    this.#attempt += 1;
    this.#stop();
  }

  close(): void {
    this.pause();
    this.setClicks(null);
  }

  now(): number {
    return this.#fromS + Math.max(0, this.#context.currentTime - this.#startedAt) * this.#speed;
  }

  setSound({ speed, keepsPitch, volume, muted, band }: SoundSettings): void {
    this.#setVolume(muted ? 0 : volume);
    this.#band.set(band);
    if (speed === this.#speed && keepsPitch === this.#keepsPitch) return;
    const at = this.now();
    const playing = this.#playing;
    this.#stop();
    this.#speed = speed;
    this.#keepsPitch = keepsPitch;
    if (playing) this.#start(at);
  }

  /** Adds a click on each beat, from now on; null takes them away. */
  setClicks(beats: Beats | null): void {
    this.#clicks?.close();
    this.#clicks = beats && new ClickTrack(this.#context, beats, this.#volume);
    if (this.#playing) this.#clicks?.start(this.#startedAt, this.#fromS, this.#speed);
  }

  /** Changes to another mix without a click. */
  setMix(mix: Mix): void {
    for (const [name, { left, right }] of this.#strips) {
      const [toLeft, toRight] = stereoGains(mix, name);
      left.gain.setTargetAtTime(toLeft, this.#context.currentTime, SMOOTH_S);
      right.gain.setTargetAtTime(toRight, this.#context.currentTime, SMOOTH_S);
    }
  }

  /** The level now of a stem as it is in the mix, or of the mix, before the volume; in dBFS, at least -60. */
  level(name?: string): number {
    const meter = name === undefined ? this.#meter : this.#strips.get(name)?.meter;
    if (!this.#playing || !meter) return SILENCE_DB;
    meter.getFloatTimeDomainData(this.#samples);
    return levelDb(this.#samples);
  }

  #setVolume(volume: number): void {
    const { gain } = this.#volume;
    gain.cancelScheduledValues(0);
    if (this.#playing) gain.setTargetAtTime(volume, this.#context.currentTime, SMOOTH_S);
    else gain.value = volume;
  }

  #start(fromS: number): void {
    this.#playing = true;
    this.#startedAt = this.#context.currentTime + AHEAD_S;
    this.#fromS = fromS;
    if (this.#keepsPitch && this.#speed !== 1) this.#stretcher.start(this.#startedAt, fromS, this.#speed);
    else this.#startPlain(fromS);
    this.#clicks?.start(this.#startedAt, fromS, this.#speed);
  }

  #startPlain(fromS: number): void {
    for (const [name, buffer] of this.#buffers) {
      const player = new AudioBufferSourceNode(this.#context, { buffer, playbackRate: this.#speed });
      player.connect(this.#entry(name));
      player.start(this.#startedAt, Math.min(fromS, buffer.duration));
      this.#players.push(player);
    }
  }

  #entry(name: string): AudioNode {
    return this.#strips.get(name)?.entry ?? this.#meter;
  }

  #stop(): void {
    this.#playing = false;
    this.#stretcher.stop();
    this.#clicks?.stop();
    for (const player of this.#players) player.stop();
    this.#players = [];
  }
}

function strip(context: AudioContext, out: AudioNode): Strip {
  const entry = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  const left = new GainNode(context);
  const right = new GainNode(context);
  const both = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const meter = new AnalyserNode(context, { fftSize: METER_SAMPLES });
  entry.connect(left, 0).connect(both, 0, 0);
  entry.connect(right, 1).connect(both, 0, 1);
  both.connect(meter);
  both.connect(out);
  return { left, right, entry, meter };
}
