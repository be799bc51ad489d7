/** The settings of one stem; `pan` goes from -1, left, to 1, right. */
export type Channel = { gainDb: number; pan: number; muted: boolean; solo: boolean };

/** The settings of all stems, by name. */
export type Mix = Readonly<Record<string, Channel>>;

export const QUIETEST_DB = -60;
export const LOUDEST_DB = 12;

const NEUTRAL: Channel = { gainDb: 0, pan: 0, muted: false, solo: false };

/** The mix that equals the recording. */
export function neutralMix(names: readonly string[]): Mix {
  return Object.fromEntries(names.map((name) => [name, NEUTRAL]));
}

export function withChannel(mix: Mix, name: string, change: Partial<Channel>): Mix {
  return { ...mix, [name]: { ...(mix[name] ?? NEUTRAL), ...change } };
}

/** The mix with one stem alone solo; without any solo when it was that already. */
export function withSoloAlone(mix: Mix, name: string): Mix {
  const alone = Object.entries(mix).every(([other, { solo }]) => solo === (other === name));
  return Object.fromEntries(Object.entries(mix).map(([other, channel]) => [other, { ...channel, solo: !alone && other === name }]));
}

export function isNeutral(mix: Mix): boolean {
  return Object.values(mix).every(({ gainDb, pan, muted, solo }) => gainDb === 0 && pan === 0 && !muted && !solo);
}

/** The mix of these stems that a stored value describes, neutral where it says nothing that can be. */
export function mixOf(stored: unknown, names: readonly string[]): Mix {
  const given = typeof stored === "object" && stored !== null ? (stored as Record<string, Partial<Channel> | null>) : {};
  return Object.fromEntries(
    names.map((name) => {
      const { gainDb, pan, muted, solo } = given[name] ?? {};
      const held = (value: unknown, low: number, high: number) =>
        typeof value === "number" && Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : 0;
      return [name, { gainDb: held(gainDb, QUIETEST_DB, LOUDEST_DB), pan: held(pan, -1, 1), muted: muted === true, solo: solo === true }];
    }),
  );
}

/** Whether a stem is played: not when it is muted, nor when only other stems are solo. */
export function isAudible(mix: Mix, name: string): boolean {
  const channel = mix[name];
  if (!channel || channel.muted) return false;
  return channel.solo || !Object.values(mix).some(({ solo }) => solo);
}

/** The linear gains of a stem's left and right channel, the same as `mixdown` uses. */
export function stereoGains(mix: Mix, name: string): [number, number] {
  const channel = mix[name];
  if (!channel || !isAudible(mix, name) || channel.gainDb <= QUIETEST_DB) return [0, 0];
  const gain = 10 ** (channel.gainDb / 20) * Math.SQRT2;
  const angle = ((channel.pan + 1) * Math.PI) / 4;
  return [gain * Math.cos(angle), gain * Math.sin(angle)];
}

/** The options of `mixdown` for a mix. */
export function mixdownOptions(mix: Mix): { gains_db: Record<string, number>; pan: Record<string, number> } {
  const names = Object.keys(mix);
  return {
    gains_db: Object.fromEntries(names.map((name) => [name, isAudible(mix, name) ? (mix[name]?.gainDb ?? 0) : QUIETEST_DB])),
    pan: Object.fromEntries(names.map((name) => [name, mix[name]?.pan ?? 0])),
  };
}
