/** Seconds from one part of a recording to the next, as the service decodes them. */
export const PART_S = 30;
const KEPT = 4;

export type LoadPart = (number: number, signal: AbortSignal) => Promise<AudioBuffer>;

/** The decoded parts of a recording that were played last. Each starts at its number times 30 s and goes on a little into the next. */
export class SoundParts {
  readonly #load: LoadPart;
  readonly #parts = new Map<number, Promise<AudioBuffer>>();
  readonly #stop = new AbortController();

  constructor(load: LoadPart) {
    this.#load = load;
  }

  /** A part, loaded once for as long as it is kept. Rejects with the error for which it cannot be loaded, and is tried again then. */
  get(number: number): Promise<AudioBuffer> {
    const part = this.#parts.get(number) ?? this.#loaded(number);
    this.#parts.delete(number);
    this.#parts.set(number, part);
    for (const old of [...this.#parts.keys()].slice(0, -KEPT)) this.#parts.delete(old);
    return part;
  }

  close(): void {
    this.#stop.abort();
    this.#parts.clear();
  }

  #loaded(number: number): Promise<AudioBuffer> {
    const part = this.#load(number, this.#stop.signal);
    part.catch(() => this.#parts.get(number) === part && this.#parts.delete(number));
    return part;
  }
}
