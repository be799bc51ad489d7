import { expect, test } from "vitest";
import type { Track } from "../src/api/client";
import { labelledBy, queryOf, surenessOf, viewFrom } from "../src/library/libraryView";

test("a view is read back from its address", () => {
  const shown = { view: "map", search: "rain & <wind>", label: "sea_waves", model: "environment-50", collection: "col_1", sort: "name" } as const;
  expect(viewFrom(new URLSearchParams(queryOf(shown).toString()))).toEqual(shown);
});

test("the default view has no query", () => {
  expect(queryOf({ view: "list", search: "", label: null, model: null, collection: null, sort: "newest" }).toString()).toBe("");
});

test("an address with unknown values shows the default view", () => {
  expect(viewFrom(new URLSearchParams("view=globe&label=&q="))).toEqual({ view: "list", search: "", label: null, model: null, collection: null, sort: "newest" });
});

test("a recording has the newest label, or the selected model's", () => {
  const track = { label: "jazz", labels: { "genre-10": ["jazz"], "environment-50": ["rain"] } } as unknown as Track;
  const labels = [null, "environment-50", "environment-10"].map((model) => labelledBy(track, model).label);
  expect(labels).toEqual(["jazz", "rain", null]);
});

test("a confirmed label is marked, whichever model's labels are shown", () => {
  const labels = { "genre-10": ["jazz"], "environment-50": ["rain"] };
  const track = { label: "jazz", label_confirmed: true, labels, confirmed: ["jazz"] } as unknown as Track;
  const marks = [null, "genre-10", "environment-50", "music-100"].map((model) => labelledBy(track, model).label_confirmed);
  expect(marks).toEqual([true, true, false, false]);
});

test("a probability is that of the shown label, by the model that gave it", () => {
  const labels = { "genre-10": ["jazz"], "environment-50": ["rain"] };
  const track = { label: "jazz", labels, probabilities: { "genre-10": 0.7, "environment-50": 0.9 }, classified_by: ["genre-10", "environment-50"] } as unknown as Track;
  expect([null, "genre-10", "environment-50", "music-100"].map((model) => surenessOf(labelledBy(track, model), model))).toEqual([0.7, 0.7, 0.9, null]);
  expect(surenessOf({ ...track, label: "rock", label_confirmed: true }, null)).toBeNull();
  expect(surenessOf({ ...track, label: "blues" }, null)).toBeNull();
  expect(surenessOf({ ...track, probabilities: {} }, null)).toBeNull();
  expect(surenessOf({ ...track, label: null }, null)).toBeNull();
});
