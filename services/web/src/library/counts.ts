import type { LabelledTracks } from "../api/client";
import type { LibraryView } from "./libraryView";

type Filters = Pick<LibraryView, "search" | "label" | "collection">;

/** What is known of the library: how many of the list were read, whether more follow, and how many recordings all and each have. */
export type Known = {
  read: number;
  more: boolean;
  library: { tracks: number; labels: readonly LabelledTracks[] };
  collections: readonly { id: string; tracks: number }[];
};

/** How many recordings match; null where only the service could count them. */
export function matching({ search, label, collection }: Filters, { read, more, library, collections }: Known): number | null {
  if (!more) return read;
  if (search || (label && collection)) return null;
  if (label) return library.labels.find((one) => one.label === label)?.tracks ?? null;
  if (collection) return collections.find(({ id }) => id === collection)?.tracks ?? null;
  return library.tracks;
}

/** How many recordings the list has, in words: `2 recordings in the library`, `1 recording matches`. */
export function countText(filters: Filters, known: Known): string {
  const { search, label, collection } = filters;
  const count = matching(filters, known);
  if (count === null) return `more than ${known.read.toLocaleString("en-GB")} recordings match`;
  const recordings = count === 1 ? "1 recording" : `${count.toLocaleString("en-GB")} recordings`;
  if (search || label) return `${recordings} ${count === 1 ? "matches" : "match"}`;
  return `${recordings} in the ${collection ? "collection" : "library"}`;
}
