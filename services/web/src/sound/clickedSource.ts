import { BandFilter } from "./bandFilter";
import { type Beats, ClickTrack } from "./clickTrack";
import type { SoundSettings } from "./settings";
import { type LoadPart, PART_S, SoundParts } from "./soundParts";
import { GRAIN_S, Stretcher } from "./stretch";
import type { Source } from "./transport";

const AHEAD_S = 0.03;
const LEAST_WAIT_MS = 5;
const BROKEN = "The sound broke off. Play it again to continue.";

/** Where sound goes on: a position in the recording, and the time of the context's clock at which it is heard. */
type Place = { positionS: number; atTime: number };

/**
 * Plays a recording in decoded parts with a click on each beat: all by one clock, to the sample. It closes its context with itself.
 *
 * Where only its first `partsEndS` come in parts, it stands still there until another source takes over.
 */
export class ClickedSource implements Source {
  readonly startS = 0;
  readonly endS: number;
  readonly #partsEndS: number;
  onFailure: ((problem: string) => void) | undefined;
  readonly #context: AudioContext;
  readonly #parts: SoundParts;
  readonly #volume: GainNode;
  readonly #band: BandFilter;
  #clicks: ClickTrack | null = null;
  readonly #sounding = new Set<{ stop: () => void }>();
  #playing = false;
  /** Whether it stands still because a part is late. */
  #stalled = false;
  #speed = 1;
  #keepsPitch = true;
  #from: Place = { positionS: 0, atTime: 0 };
  /** Up to where parts have been scheduled. */
  #untilS = 0;
  #attempt = 0;

  constructor(context: AudioContext, load: LoadPart, endS: number, partsEndS = endS) {
    this.#context = context;
    this.#parts = new SoundParts(load);
    this.endS = endS;
    this.#partsEndS = partsEndS;
    this.#volume = new GainNode(context);
    this.#band = new BandFilter(context);
    this.#band.exit.connect(this.#volume).connect(context.destination);
  }

  async play(fromS: number): Promise<void> {
    this.pause();
    this.#from = { positionS: fromS, atTime: Number.POSITIVE_INFINITY };
    this.#untilS = fromS;
    const attempt = this.#attempt;
    try {
      await Promise.all([this.#context.resume(), fromS < this.#partsEndS && this.#parts.get(numberAt(fromS))]);
    } catch (error) {
      if (attempt === this.#attempt) throw error;
    }
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
    if (this.#playing && !this.#stalled) this.#clicks?.start(this.#from.atTime, this.#from.positionS, this.#speed);
  }

  close(): void {
    this.pause();
    this.setClicks(null);
    this.#parts.close();
    this.#volume.disconnect();
    void this.#context.close();
  }

  #begin(fromS: number): void {
    const rateHz = this.#context.sampleRate;
    const atTime = Math.ceil((this.#context.currentTime + AHEAD_S) * rateHz) / rateHz;
    this.#playing = true;
    this.#stalled = false;
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
    while (place.positionS < this.#partsEndS) {
      const number = numberAt(place.positionS);
      const part = await this.#inTime(number, place, attempt);
      if (attempt !== this.#attempt || !part) return;
      if (this.#stalled || place.atTime < this.#context.currentTime) {
        this.#stop();
        this.#begin(place.positionS);
        return;
      }
      const next = this.#scheduled(part, number, place);
      this.#untilS = Math.min(this.#partsEndS, next.positionS);
      await this.#until(place.atTime, attempt);
      if (attempt !== this.#attempt) return;
      place = next;
    }
    await this.#until(place.atTime, attempt);
    if (attempt === this.#attempt) this.#stall();
  }

  /** A part, which is asked for once more when it is due; null when it is not played any more. Clicks do not go on without it. */
  async #inTime(number: number, { atTime }: Place, attempt: number): Promise<AudioBuffer | null> {
    const due = this.#until(atTime, attempt);
    let came = false;
    void due.then(() => !came && attempt === this.#attempt && this.#stall());
    try {
      return await this.#parts.get(number);
    } catch {
      await due;
      return attempt === this.#attempt ? await this.#parts.get(number) : null;
    } finally {
      came = true;
    }
  }

  /** Plays a part from a place on; returns where the next one goes on. */
  #scheduled(buffer: AudioBuffer, number: number, { positionS, atTime }: Place): Place {
    const [offsetS, leftS] = [positionS - number * PART_S, (number + 1) * PART_S - positionS];
    if (this.#keepsPitch && this.#speed !== 1) {
      const grains = Math.ceil(leftS / (GRAIN_S * this.#speed));
      const stretcher = new Stretcher(this.#context, [{ buffer, out: this.#band.entry }]);
      stretcher.onEnd = () => this.#sounding.delete(stretcher);
      this.#sounding.add(stretcher);
      stretcher.start(atTime, offsetS, this.#speed, grains);
      return { positionS: positionS + grains * GRAIN_S * this.#speed, atTime: atTime + grains * GRAIN_S };
    }
    const player = new AudioBufferSourceNode(this.#context, { buffer, playbackRate: this.#speed });
    player.connect(this.#band.entry);
    player.onended = () => this.#sounding.delete(player);
    player.start(atTime, offsetS, leftS);
    this.#sounding.add(player);
    return { positionS: positionS + leftS, atTime: atTime + leftS / this.#speed };
  }

  /** Waits until the context's clock has come to a time, or what is played has changed. The clock stands while the context is held up. */
  async #until(time: number, attempt: number): Promise<void> {
    while (attempt === this.#attempt && this.#context.currentTime < time) {
      const leftMs = (time - this.#context.currentTime) * 1000;
      await new Promise((resolve) => setTimeout(resolve, Math.max(LEAST_WAIT_MS, leftMs)));
    }
  }

  #stall(): void {
    this.#stalled = true;
    this.#clicks?.stop();
  }

  #stop(): void {
    this.#attempt += 1;
    this.#playing = false;
    this.#clicks?.stop();
    for (const one of this.#sounding) one.stop();
    this.#sounding.clear();
  }
}

function numberAt(positionS: number): number {
  return Math.floor(positionS / PART_S + 1e-9);
}
