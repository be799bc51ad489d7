import { expect, test } from "vitest";
import type { Track } from "../src/api/client";
import { labelledBy, labelsBy, queryOf, viewFrom } from "../src/library/libraryView";

test("a view is read back from its address", () => {
  const shown = { view: "map", search: "rain & <wind>", label: "sea_waves", model: "environment-50" } as const;
  expect(viewFrom(new URLSearchParams(queryOf(shown).toString()))).toEqual(shown);
});

test("the default view has no query", () => {
  expect(queryOf({ view: "list", search: "", label: null, model: null }).toString()).toBe("");
});

test("an address with unknown values shows the default view", () => {
  expect(viewFrom(new URLSearchParams("view=globe&label=&q="))).toEqual({ view: "list", search: "", label: null, model: null });
});

test("a recording has the newest label, or the selected model's", () => {
  const track = { label: "jazz", labels: { "genre-10": ["jazz"], "environment-50": ["rain"] } } as unknown as Track;
  const labels = [null, "environment-50", "environment-10"].map((model) => labelledBy(track, model).label);
  expect(labels).toEqual(["jazz", "rain", null]);
});

test("a recording is found by all labels of all models, or of the selected one", () => {
  const labels = { "genre-10": ["jazz"], "music-100": ["jazz", "guitar"], "environment-50": [] };
  const track = { label: "jazz", labels } as unknown as Track;
  const found = [null, "music-100", "environment-10"].map((model) => labelsBy(track, model));
  expect(found).toEqual([["jazz", "guitar"], ["jazz", "guitar"], []]);
});

test("a confirmed label is marked, whichever model's labels are shown, and what was confirmed in parts finds the recording", () => {
  const labels = { "genre-10": ["jazz"], "environment-50": ["rain"] };
  const track = { label: "jazz", label_confirmed: true, labels, confirmed: ["jazz"], confirmed_in_parts: ["cough"] } as unknown as Track;
  const marks = [null, "genre-10", "environment-50", "music-100"].map((model) => labelledBy(track, model).label_confirmed);
  expect(marks).toEqual([true, true, false, false]);
  expect(labelsBy(track, null)).toEqual(["jazz", "cough", "rain"]);
});
