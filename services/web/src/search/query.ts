/** What is searched for: words, a stretch of a recording in the library, or a file that is held up; none at first. */
export type Query =
  | { by: "words"; words: string }
  | { by: "track"; trackId: string; startS: number | null; endS: number | null }
  | { by: "file"; file: File };

export type Unit = "track" | "moment";

/** The search in an address: `?q=` is words, `?track=` with `?from=` and `?to=` a recording. A file is in no address. */
export function queryFrom(address: URLSearchParams): Query | null {
  const trackId = address.get("track");
  if (trackId) return { by: "track", trackId, startS: seconds(address.get("from")), endS: seconds(address.get("to")) };
  const words = (address.get("q") ?? "").trim();
  return words ? { by: "words", words } : null;
}

export function unitFrom(address: URLSearchParams): Unit {
  return address.get("unit") === "moment" ? "moment" : "track";
}

/** The id of the collection that is searched; null for the whole library. */
export function collectionFrom(address: URLSearchParams): string | null {
  return address.get("collection") || null;
}

/** The address of a search for moments like a stretch of a recording. */
export function addressOfStretch(trackId: string, startS: number, endS: number): string {
  return `/search?${new URLSearchParams({ track: trackId, from: startS.toFixed(2), to: endS.toFixed(2), unit: "moment" })}`;
}

function seconds(text: string | null): number | null {
  const value = text === null || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}
