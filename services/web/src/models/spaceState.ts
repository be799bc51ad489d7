import type { SpaceCard } from "../api/client";

/** A space's state in words: how many recordings of all it has while it is filled. */
export function spaceState(card: Pick<SpaceCard, "state" | "read" | "total" | "missing">): string {
  const read = card.read ? ", searched" : "";
  return card.state === "filling" ? `${card.total - card.missing} of ${card.total}${read}` : `${card.state}${read}`;
}
