import { type LoadPart, PART_S, SoundParts } from "./soundParts";
import { GRAIN_S, Stretcher } from "./stretch";
import { type Place, WebAudioSource } from "./webAudioSource";

const LEAST_WAIT_MS = 5;
const BROKEN = "The sound broke off. Play it again to continue.";

/**
 * Plays a recording in decoded parts. It closes its context with itself.
 *
 * Where only its first `partsEndS` come in parts, it stands still there until another source takes over.
 */
export class ClickedSource extends WebAudioSource {
  readonly #partsEndS: number;
  readonly #parts: SoundParts;
  readonly #sounding = new Set<{ stop: () => void }>();
  /** Up to where parts have been scheduled. */
  #untilS = 0;

  constructor(context: AudioContext, load: LoadPart, endS: number, partsEndS = endS) {
    super(context, endS);
    this.#parts = new SoundParts(load);
    this.#partsEndS = partsEndS;
  }

  override now(): number {
    return Math.min(this.#untilS, super.now());
  }

  override close(): void {
    super.close();
    this.#parts.close();
    void this.context.close();
  }

  protected override async load(fromS: number): Promise<void> {
    this.#untilS = fromS;
    if (fromS < this.#partsEndS) await this.#parts.get(numberAt(fromS));
  }

  protected override sound(from: Place): void {
    this.#untilS = from.positionS;
    const { attempt } = this;
    this.#goOn(from, attempt).catch(() => attempt === this.attempt && this.onFailure?.(BROKEN));
  }

  protected override silence(): void {
    for (const one of this.#sounding) one.stop();
    this.#sounding.clear();
  }

  /** Schedules one part after the other, the next one as soon as one is heard. */
  async #goOn(from: Place, attempt: number): Promise<void> {
    let place = from;
    while (place.positionS < this.#partsEndS) {
      const number = numberAt(place.positionS);
      const part = await this.#inTime(number, place, attempt);
      if (attempt !== this.attempt || !part) return;
      if (this.stalled || place.atTime < this.context.currentTime) {
        this.pause();
        this.begin(place.positionS);
        return;
      }
      const next = this.#scheduled(part, number, place);
      this.#untilS = Math.min(this.#partsEndS, next.positionS);
      await this.#until(place.atTime, attempt);
      if (attempt !== this.attempt) return;
      place = next;
    }
    await this.#until(place.atTime, attempt);
    if (attempt === this.attempt) this.stall();
  }

  /** A part, which is asked for once more when it is due; null when it is not played any more. Clicks do not go on without it. */
  async #inTime(number: number, { atTime }: Place, attempt: number): Promise<AudioBuffer | null> {
    const due = this.#until(atTime, attempt);
    let came = false;
    void due.then(() => !came && attempt === this.attempt && this.stall());
    try {
      return await this.#parts.get(number);
    } catch {
      await due;
      return attempt === this.attempt ? await this.#parts.get(number) : null;
    } finally {
      came = true;
    }
  }

  /** Plays a part from a place on; returns where the next one goes on. */
  #scheduled(buffer: AudioBuffer, number: number, { positionS, atTime }: Place): Place {
    const [offsetS, leftS] = [positionS - number * PART_S, (number + 1) * PART_S - positionS];
    if (this.keepsPitch && this.speed !== 1) {
      const grains = Math.ceil(leftS / (GRAIN_S * this.speed));
      const stretcher = new Stretcher(this.context, [{ buffer, out: this.band.entry }]);
      stretcher.onEnd = () => this.#sounding.delete(stretcher);
      this.#sounding.add(stretcher);
      stretcher.start(atTime, offsetS, this.speed, grains);
      return { positionS: positionS + grains * GRAIN_S * this.speed, atTime: atTime + grains * GRAIN_S };
    }
    const player = new AudioBufferSourceNode(this.context, { buffer, playbackRate: this.speed });
    player.connect(this.band.entry);
    player.onended = () => this.#sounding.delete(player);
    player.start(atTime, offsetS, leftS);
    this.#sounding.add(player);
    return { positionS: positionS + leftS, atTime: atTime + leftS / this.speed };
  }

  /** Waits until the context's clock has come to a time, or what is played has changed. The clock stands while the context is held up. */
  async #until(time: number, attempt: number): Promise<void> {
    while (attempt === this.attempt && this.context.currentTime < time) {
      const leftMs = (time - this.context.currentTime) * 1000;
      await new Promise((resolve) => setTimeout(resolve, Math.max(LEAST_WAIT_MS, leftMs)));
    }
  }
}

function numberAt(positionS: number): number {
  return Math.floor(positionS / PART_S + 1e-9);
}
