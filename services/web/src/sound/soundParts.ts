/** Seconds from one part of a recording to the next, as the service decodes them. */
export const PART_S = 30;
const KEPT = 4;

export type LoadPart = (number: number, signal: AbortSignal) => Promise<AudioBuffer>;

type Kept = { part: Promise<AudioBuffer>; stop: AbortController; loading: boolean };

/** The decoded parts of a recording that were played last. Each starts at its number times 30 s and goes on a little into the next. */
export class SoundParts {
  readonly #load: LoadPart;
  readonly #kept = new Map<number, Kept>();

  constructor(load: LoadPart) {
    this.#load = load;
  }

  /**
   * A part, loaded once for as long as it is kept. One part loads at a time: another one that is asked for takes its place.
   *
   * Rejects with the error for which it cannot be loaded, and is tried again then; with an `AbortError` where another took its place.
   */
  get(number: number): Promise<AudioBuffer> {
    const one = this.#kept.get(number) ?? this.#loaded(number);
    this.#kept.delete(number);
    this.#kept.set(number, one);
    for (const old of [...this.#kept.keys()].slice(0, -KEPT)) this.#drop(old);
    return one.part;
  }

  close(): void {
    for (const number of [...this.#kept.keys()]) this.#drop(number);
  }

  #loaded(number: number): Kept {
    for (const [other, { loading }] of [...this.#kept]) if (loading) this.#drop(other);
    const stop = new AbortController();
    const one: Kept = { part: this.#load(number, stop.signal), stop, loading: true };
    const ended = () => {
      one.loading = false;
    };
    one.part.then(ended, () => {
      ended();
      if (this.#kept.get(number) === one) this.#kept.delete(number);
    });
    return one;
  }

  #drop(number: number): void {
    this.#kept.get(number)?.stop.abort();
    this.#kept.delete(number);
  }
}
