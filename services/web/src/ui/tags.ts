import type { Track } from "../api/client";

/** The name that its owner gave it, else the title by the file's tags, else the file's name. */
export function titleOf({ name, tags, filename }: Pick<Track, "name" | "tags" | "filename">): string {
  return name ?? tags?.title ?? filename;
}

/** What else the tags say, as a line shows it; with the file's name where another stands in its place. */
export function tagsOf({ name, tags, filename }: Track): string[] {
  const { title, artist, album, track_number, date, genre } = tags ?? {};
  const place = album && track_number ? `${album}, no. ${track_number}` : album;
  const texts = [name ? title : null, artist, place, dayOf(date), genre, name || title ? filename : null];
  return texts.filter((text) => text !== null && text !== undefined);
}

/** A tag's date without its time of day. */
function dayOf(date: string | null | undefined): string | null {
  return date?.replace(/[T ]\d{2}:.*$/, "") ?? null;
}
