/** A model that can be pulled, with the size of its download and the seconds that it takes for one of a recording. */
export type Separator = { name: string; sizeBytes: number; secondsPerSecond: number };

// The size is that of the catalogue of models to pull, the time that of `benchmarks/separate.py` on two cores.
const BEST: Separator = { name: "htdemucs", sizeBytes: 84_000_000, secondsPerSecond: 0.58 };

/** The model that separates better than another one; null for those of its own family. */
export function betterThan(model: string): Separator | null {
  return model.startsWith(BEST.name) ? null : BEST;
}
