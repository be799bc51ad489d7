import { BandFilter } from "./bandFilter";
import { type Beats, ClickTrack } from "./clickTrack";
import type { SoundSettings } from "./settings";
import { type LoadPart, PART_S, SoundParts } from "./soundParts";
import { GRAIN_S, Stretcher } from "./stretch";
import type { Source } from "./transport";

const AHEAD_S = 0.03;
const BROKEN = "The sound broke off. Play it again to continue.";

/** Where sound goes on: a position in the recording, and the time of the context's clock at which it is heard. */
type Place = { positionS: number; atTime: number };

/** Plays a recording in decoded parts with a click on each beat: all by one clock, to the sample. Whoever makes it closes the context. */
export class ClickedSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  onFailure: ((problem: string) => void) | undefined;
  readonly #context: AudioContext;
  readonly #parts: SoundParts;
  readonly #volume: GainNode;
  readonly #band: BandFilter;
  #clicks: ClickTrack | null = null;
  #sounding: { stop: () => void }[] = [];
  #playing = false;
  #speed = 1;
  #keepsPitch = true;
  #from: Place = { positionS: 0, atTime: 0 };
  /** Up to where parts have been scheduled. */
  #untilS = 0;
  #attempt = 0;

  constructor(context: AudioContext, load: LoadPart, endS: number) {
    this.#context = context;
    this.#parts = new SoundParts(load);
    this.endS = endS;
    this.#volume = new GainNode(context);
    this.#band = new BandFilter(context);
    this.#band.exit.connect(this.#volume).connect(context.destination);
  }

  async play(fromS: number): Promise<void> {
    this.pause();
    const attempt = this.#attempt;
    await Promise.all([this.#context.resume(), this.#parts.get(numberAt(fromS))]);
    if (attempt === this.#attempt) this.#begin(fromS);
  }

  pause(): void {
    this.#stop();
  }

  now(): number {
    const { positionS, atTime } = this.#from;
    const elapsedS = Math.max(0, this.#context.currentTime - atTime);
    return Math.min(this.#untilS, positionS + elapsedS * this.#speed);
  }

  setSound({ speed, keepsPitch, volume, muted, band }: SoundSettings): void {
    this.#volume.gain.value = muted ? 0 : volume;
    this.#band.set(band);
    if (speed === this.#speed && keepsPitch === this.#keepsPitch) return;
    const at = this.now();
    const playing = this.#playing;
    if (playing) this.#stop();
    this.#speed = speed;
    this.#keepsPitch = keepsPitch;
    if (playing) this.#begin(at);
  }

  setClicks(beats: Beats | null): void {
    this.#clicks?.close();
    this.#clicks = beats && new ClickTrack(this.#context, beats, this.#volume);
    if (this.#playing) this.#clicks?.start(this.#from.atTime, this.#from.positionS, this.#speed);
  }

  close(): void {
    this.pause();
    this.setClicks(null);
    this.#parts.close();
    this.#volume.disconnect();
  }

  #begin(fromS: number): void {
    const rateHz = this.#context.sampleRate;
    const atTime = Math.ceil((this.#context.currentTime + AHEAD_S) * rateHz) / rateHz;
    this.#playing = true;
    // Not after it: a beat there is heard too.
    this.#from = { positionS: Math.floor(fromS * rateHz + 1e-6) / rateHz, atTime };
    this.#untilS = this.#from.positionS;
    this.#clicks?.start(atTime, this.#from.positionS, this.#speed);
    const attempt = this.#attempt;
    this.#goOn(this.#from, attempt).catch(() => attempt === this.#attempt && this.onFailure?.(BROKEN));
  }

  /** Schedules one part after the other, the next one as soon as one is heard. */
  async #goOn(from: Place, attempt: number): Promise<void> {
    let place = from;
    while (place.positionS < this.endS) {
      const number = numberAt(place.positionS);
      const part = await this.#inTime(number, place, attempt);
      if (attempt !== this.#attempt) return;
      if (place.atTime < this.#context.currentTime) {
        this.#stop();
        this.#begin(place.positionS);
        return;
      }
      const next = this.#scheduled(part, number, place);
      this.#untilS = Math.min(this.endS, next.positionS);
      await this.#until(place.atTime);
      if (attempt !== this.#attempt) return;
      place = next;
    }
  }

  /** A part, which is asked for once more when it is due. Clicks do not go on without it. */
  async #inTime(number: number, { atTime }: Place, attempt: number): Promise<AudioBuffer> {
    const due = this.#until(atTime);
    let came = false;
    void due.then(() => !came && attempt === this.#attempt && this.#clicks?.stop());
    const part = await this.#parts.get(number).catch(() => due.then(() => this.#parts.get(number)));
    came = true;
    return part;
  }

  /** Plays a part from a place on; returns where the next one goes on. */
  #scheduled(buffer: AudioBuffer, number: number, { positionS, atTime }: Place): Place {
    const [offsetS, leftS] = [positionS - number * PART_S, (number + 1) * PART_S - positionS];
    if (this.#keepsPitch && this.#speed !== 1) {
      const grains = Math.ceil(leftS / (GRAIN_S * this.#speed));
      const stretcher = new Stretcher(this.#context, [{ buffer, out: this.#band.entry }]);
      stretcher.start(atTime, offsetS, this.#speed, grains);
      this.#keep(stretcher);
      return { positionS: positionS + grains * GRAIN_S * this.#speed, atTime: atTime + grains * GRAIN_S };
    }
    const player = new AudioBufferSourceNode(this.#context, { buffer, playbackRate: this.#speed });
    player.connect(this.#band.entry);
    player.start(atTime, offsetS, leftS);
    this.#keep(player);
    return { positionS: positionS + leftS, atTime: atTime + leftS / this.#speed };
  }

  /** Keeps what sounds, and what sounds next. */
  #keep(one: { stop: () => void }): void {
    this.#sounding = [...this.#sounding.slice(-1), one];
  }

  #until(time: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, time - this.#context.currentTime) * 1000));
  }

  #stop(): void {
    this.#attempt += 1;
    this.#playing = false;
    this.#clicks?.stop();
    for (const one of this.#sounding) one.stop();
    this.#sounding = [];
  }
}

function numberAt(positionS: number): number {
  return Math.floor(positionS / PART_S + 1e-9);
}
