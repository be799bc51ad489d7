/** One side of a comparison: a recording, and the models whose labels are shown, separated by commas; null for the newest. */
export type Side = { trackId: string; model: string | null };

/** The two sides in an address such as `?a=trk_1&b=trk_2` or `?a=trk_1&b=trk_1&am=esc&bm=genre`; null without both. */
export function pairIn(search: string): [Side, Side] | null {
  const asked = new URLSearchParams(search);
  const side = (name: string): Side | null => {
    const trackId = asked.get(name);
    return trackId ? { trackId, model: asked.get(`${name}m`) || null } : null;
  };
  const [a, b] = [side("a"), side("b")];
  return a && b ? [a, b] : null;
}

/** The address of a comparison. */
export function addressOf([a, b]: readonly [Side, Side]): string {
  const asked = new URLSearchParams({ a: a.trackId, b: b.trackId });
  if (a.model) asked.set("am", a.model);
  if (b.model) asked.set("bm", b.model);
  return `/compare?${asked}`;
}
