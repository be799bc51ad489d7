// Time stretching by overlapped grains, WSOLA (Verhelst and Roelands, 1993).
/** Seconds from one grain to the next, as they are heard. */
export const GRAIN_S = 0.04;
const SEARCH_S = 0.012;
const AHEAD_S = 1.3;
const EVERY_MS = 100;
const REFERENCE_HZ = 11_025;
const CURVE = Float32Array.from({ length: 129 }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / 128));

/** Samples in which grains are compared: mono, about 11 kHz. */
export type Reference = { samples: Float32Array; rateHz: number };
type Sound = { buffer: AudioBuffer; out: AudioNode };

/** Plays sounds of one length together at another speed with their own pitch. */
export class Stretcher {
  /** Is called when all that it plays has ended. */
  onEnd: () => void = () => undefined;
  readonly #context: AudioContext;
  readonly #sounds: readonly Sound[];
  #reference: Reference | null = null;
  readonly #live = new Set<AudioBufferSourceNode>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(context: AudioContext, sounds: readonly Sound[]) {
    this.#context = context;
    this.#sounds = sounds;
  }

  /** Starts at a time of the context's clock, from a position in the sounds; ends after so many grains. */
  start(atTime: number, fromS: number, speed: number, grains = Number.POSITIVE_INFINITY): void {
    this.#reference ??= referenceOf(this.#sounds.map(({ buffer }) => buffer));
    const reference = this.#reference;
    let [grain, before] = [0, fromS];
    const schedule = () => {
      for (; grain < grains && atTime + grain * GRAIN_S < this.#context.currentTime + AHEAD_S; grain += 1) {
        const wanted = fromS + grain * GRAIN_S * speed;
        if (wanted > reference.samples.length / reference.rateHz) {
          grain = grains;
          break;
        }
        before = grain ? nextGrain(reference, before + GRAIN_S, wanted) : wanted;
        this.#grain(atTime + grain * GRAIN_S, before);
      }
      if (grain >= grains) this.#scheduleNoMore();
    };
    this.#timer = setInterval(schedule, EVERY_MS);
    schedule();
  }

  stop(): void {
    this.#scheduleNoMore();
    for (const player of this.#live) player.stop();
    this.#live.clear();
  }

  #grain(atTime: number, fromS: number): void {
    // A grain that is late already starts where it would be by now.
    const late = Math.max(0, this.#context.currentTime - atTime);
    if (late >= GRAIN_S) return;
    for (const { buffer, out } of this.#sounds) {
      const player = new AudioBufferSourceNode(this.#context, { buffer });
      const fade = new GainNode(this.#context, { gain: 0 });
      fade.gain.setValueCurveAtTime(CURVE, atTime + late, 2 * GRAIN_S - late);
      player.connect(fade).connect(out);
      player.start(atTime + late, Math.max(0, fromS + late), 2 * GRAIN_S - late);
      this.#live.add(player);
      player.onended = () => {
        this.#live.delete(player);
        fade.disconnect();
        if (this.#timer === undefined && this.#live.size === 0) this.onEnd();
      };
    }
  }

  #scheduleNoMore(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Where, near a wanted position, a grain continues best what is heard at another one; all in seconds. */
export function nextGrain({ samples, rateHz }: Reference, continuedS: number, wantedS: number): number {
  const length = Math.round(GRAIN_S * rateHz);
  const [from, to] = [Math.round(continuedS * rateHz), Math.round(wantedS * rateHz)];
  const reach = Math.round(SEARCH_S * rateHz);
  let [best, alike] = [to, Number.NEGATIVE_INFINITY];
  for (let at = Math.max(0, to - reach); at <= to + reach; at += 1) {
    let [product, power] = [0, 1e-9];
    for (let step = 0; step < length; step += 1) {
      const value = samples[at + step] ?? 0;
      product += value * (samples[from + step] ?? 0);
      power += value * value;
    }
    const found = product / Math.sqrt(power);
    if (found > alike + 1e-9) [best, alike] = [at, found];
  }
  return alike > 0 ? best / rateHz : wantedS;
}

/** The sum of sounds, mono and at a lower rate. */
function referenceOf(buffers: readonly AudioBuffer[]): Reference {
  const [first] = buffers;
  const every = Math.max(1, Math.round((first?.sampleRate ?? REFERENCE_HZ) / REFERENCE_HZ));
  const samples = new Float32Array(Math.ceil(Math.max(0, ...buffers.map((buffer) => buffer.length)) / every));
  for (const buffer of buffers) {
    for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
      buffer.getChannelData(channel).forEach((value, at) => {
        const place = Math.floor(at / every);
        samples[place] = (samples[place] ?? 0) + value;
      });
    }
  }
  return { samples, rateHz: (first?.sampleRate ?? REFERENCE_HZ) / every };
}
