import { ownName } from "../api/own";
import { currentKey } from "../api/session";
import { isNeutral, type Mix, mixOf } from "./mix";

const MOST = 100;

/** The mix of a track that this owner made last in this browser; the neutral one without any. */
export function keptMix(trackId: string, names: readonly string[]): Mix {
  return mixOf(stored().get(trackId), names);
}

/** Keeps the mix of a track until somebody signs out; of the last 100 tracks. */
export function keepMix(trackId: string, mix: Mix): void {
  const all = stored();
  all.delete(trackId);
  if (!isNeutral(mix)) all.set(trackId, mix);
  try {
    localStorage.setItem(name(), JSON.stringify([...all].slice(-MOST)));
  } catch {
    // The storage is full or switched off: the mix is kept as long as the page is open.
  }
}

function stored(): Map<string, unknown> {
  try {
    return new Map(JSON.parse(localStorage.getItem(name()) ?? "[]") as [string, unknown][]);
  } catch {
    return new Map();
  }
}

function name(): string {
  return ownName("mixes", currentKey());
}
