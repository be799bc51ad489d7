import { expect, test } from "vitest";
import type { Track } from "../src/api/client";
import { ownLabels } from "../src/track/ownLabels";

test("confirmed labels come first, then what models predict, then what was rejected", () => {
  const labels = { "genre-10": ["jazz"], "music-100": ["jazz", "guitar"] };
  const track = { labels, confirmed: ["guitar", "mine"], rejected: ["rock"] } as unknown as Track;
  expect(ownLabels(track)).toEqual([
    { label: "guitar", state: "confirmed" },
    { label: "mine", state: "confirmed" },
    { label: "jazz", state: null },
    { label: "rock", state: "rejected" },
  ]);
});
