import { levelDb } from "../sound/level";

const SAMPLES = 2_048;

/** Measures each of two channels by itself: one analyser would mix them, and lose what is opposed in them. */
export class StereoMeter {
  /** What is measured goes into it. */
  readonly entry: AudioNode;
  readonly #channels: readonly AnalyserNode[];
  readonly #samples = new Float32Array(SAMPLES);

  constructor(context: BaseAudioContext) {
    this.entry = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    this.#channels = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(context, { fftSize: SAMPLES });
      this.entry.connect(analyser, channel);
      return analyser;
    });
  }

  /** The level now of the louder channel, in dBFS, at least -60. */
  level(): number {
    return Math.max(...this.#channels.map((channel) => this.#levelOf(channel)));
  }

  #levelOf(channel: AnalyserNode): number {
    channel.getFloatTimeDomainData(this.#samples);
    return levelDb(this.#samples);
  }
}
