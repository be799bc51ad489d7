/** The level that meters show as silence, in dBFS. */
export const SILENCE_DB = -60;

/** The level of samples in dBFS, at least -60. */
export function levelDb(samples: ArrayLike<number>): number {
  let power = 0;
  for (let at = 0; at < samples.length; at += 1) power += (samples[at] ?? 0) ** 2;
  return Math.max(SILENCE_DB, 10 * Math.log10(power / Math.max(1, samples.length) + 1e-12));
}
