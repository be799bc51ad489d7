/** How one stem stands in the mix. */
export type Channel = { gainDb: number; pan: number; muted: boolean; solo: boolean };

/** How all stems stand, by name. */
export type Mix = Readonly<Record<string, Channel>>;

export const QUIETEST_DB = -60;
export const LOUDEST_DB = 12;

const UNTOUCHED: Channel = { gainDb: 0, pan: 0, muted: false, solo: false };

/** Every stem as it was in the recording. */
export function untouched(names: readonly string[]): Mix {
  return Object.fromEntries(names.map((name) => [name, UNTOUCHED]));
}

export function changed(mix: Mix, name: string, change: Partial<Channel>): Mix {
  return { ...mix, [name]: { ...(mix[name] ?? UNTOUCHED), ...change } };
}

/** Whether a stem is heard: one that is muted never, the others unless another alone is to be heard. */
export function heard(mix: Mix, name: string): boolean {
  const channel = mix[name];
  if (!channel || channel.muted) return false;
  return channel.solo || !Object.values(mix).some(({ solo }) => solo);
}

/** What left and right of a stem count in left and right of the mix: the very shares that `mixdown` computes. */
export function shares(mix: Mix, name: string): [number, number] {
  const channel = mix[name];
  if (!channel || !heard(mix, name) || channel.gainDb <= QUIETEST_DB) return [0, 0];
  const gain = 10 ** (channel.gainDb / 20) * Math.SQRT2;
  const angle = ((channel.pan + 1) * Math.PI) / 4;
  return [gain * Math.cos(angle), gain * Math.sin(angle)];
}

/** The mix as `mixdown` is asked for it. */
export function mixdownOptions(mix: Mix): { gains_db: Record<string, number>; pan: Record<string, number> } {
  const names = Object.keys(mix);
  return {
    gains_db: Object.fromEntries(names.map((name) => [name, heard(mix, name) ? (mix[name]?.gainDb ?? 0) : QUIETEST_DB])),
    pan: Object.fromEntries(names.map((name) => [name, mix[name]?.pan ?? 0])),
  };
}

/** A level in decibels below full scale, -60 at the least. */
export function levelDb(samples: ArrayLike<number>): number {
  let power = 0;
  for (let at = 0; at < samples.length; at += 1) power += (samples[at] ?? 0) ** 2;
  return Math.max(QUIETEST_DB, 10 * Math.log10(power / Math.max(1, samples.length) + 1e-12));
}

/** The lowest and highest sample of each of many stretches of equal length. */
export function outline(samples: Float32Array, points: number): { low: Float32Array; high: Float32Array } {
  const low = new Float32Array(points);
  const high = new Float32Array(points);
  for (let point = 0; point < points; point += 1) {
    const end = Math.floor(((point + 1) * samples.length) / points);
    for (let at = Math.floor((point * samples.length) / points); at < end; at += 1) {
      const value = samples[at] ?? 0;
      if (value < (low[point] ?? 0)) low[point] = value;
      if (value > (high[point] ?? 0)) high[point] = value;
    }
  }
  return { low, high };
}
