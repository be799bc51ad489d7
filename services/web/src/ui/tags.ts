import type { Track } from "../api/client";

/** The title by the file's tags, else its name. */
export function titleOf({ tags, filename }: Track): string {
  return tags?.title ?? filename;
}

/** What else the tags say, as a line shows it; with the file's name where a title stands in its place. */
export function tagsOf({ tags, filename }: Track): string[] {
  if (!tags) return [];
  const { title, artist, album, track_number, date, genre } = tags;
  const place = album && track_number ? `${album}, no. ${track_number}` : album;
  return [artist, place, dayOf(date), genre, title ? filename : null].filter((text) => text !== null && text !== undefined);
}

/** A tag's date without its time of day. */
function dayOf(date: string | null | undefined): string | null {
  return date?.replace(/[T ]\d{2}:.*$/, "") ?? null;
}
