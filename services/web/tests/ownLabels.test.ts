import { expect, test } from "vitest";
import type { Track } from "../src/api/client";
import { ownLabels } from "../src/track/ownLabels";

test("confirmed labels come first, then what models predict, then what was rejected", () => {
  const labels = { "genre-10": ["jazz"], "music-100": ["jazz", "guitar"] };
  const track = { labels, confirmed: ["guitar", "mine"], rejected: ["rock"] } as unknown as Track;
  expect(ownLabels(track)).toEqual([
    { label: "guitar", state: "confirmed", by: ["music-100"] },
    { label: "mine", state: "confirmed", by: [] },
    { label: "jazz", state: null, by: ["genre-10", "music-100"] },
    { label: "rock", state: "rejected", by: [] },
  ]);
});
