import type { Band } from "./settings";

// A Butterworth filter of order 12: 3 dB down at its edge, 72 dB an octave further.
const ORDER = 12;
const PASSES = ["highpass", "lowpass"] as const;

/** Lets a band of frequencies pass, or everything. */
export class BandFilter {
  readonly entry: GainNode;
  readonly exit: GainNode;
  readonly #context: BaseAudioContext;
  readonly #chains = new Map<BiquadFilterType, BiquadFilterNode[]>();

  constructor(context: BaseAudioContext) {
    this.#context = context;
    this.entry = new GainNode(context);
    this.exit = new GainNode(context);
    for (const type of PASSES) this.#chains.set(type, qualities().map((Q) => new BiquadFilterNode(context, { type, Q })));
    this.set(null);
  }

  set(band: Band | null): void {
    this.entry.disconnect();
    if (!band) {
      this.entry.connect(this.exit);
      return;
    }
    const nyquist = this.#context.sampleRate / 2;
    let last: AudioNode = this.entry;
    for (const [type, hertz] of [["highpass", band.lowHz], ["lowpass", band.highHz]] as const) {
      // An edge outside the sound's own band changes nothing.
      if (hertz <= 0 || hertz >= nyquist) continue;
      for (const biquad of this.#chains.get(type) ?? []) {
        biquad.disconnect();
        biquad.frequency.value = hertz;
        last.connect(biquad);
        last = biquad;
      }
    }
    last.connect(this.exit);
  }
}

/** The quality of each of a Butterworth filter's biquads, in the decibels that Web Audio takes. */
export function qualities(order = ORDER): number[] {
  return Array.from({ length: order / 2 }, (_, at) => -20 * Math.log10(2 * Math.cos((Math.PI * (2 * at + 1)) / (2 * order))));
}
