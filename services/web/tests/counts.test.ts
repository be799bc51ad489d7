import { expect, test } from "vitest";
import { countText, type Known } from "../src/library/counts";

const ALL = { search: "", label: null, collection: null };
const KNOWN: Known = {
  read: 100,
  more: true,
  library: { tracks: 10_000, labels: [{ label: "dog", tracks: 1_234 }] },
  collections: [{ id: "col_1", tracks: 120 }],
};

test.each([
  [ALL, "10,000 recordings in the library"],
  [{ ...ALL, label: "dog" }, "1,234 recordings match"],
  [{ ...ALL, collection: "col_1" }, "120 recordings in the collection"],
])("%o: the count that is known", (view, text) => {
  expect(countText(view, KNOWN)).toBe(text);
});

test.each([{ search: "rain" }, { label: "dog", collection: "col_1" }, { label: "rare" }, { collection: "col_2" }])("%o: no count is made up", (part) => {
  expect(countText({ ...ALL, ...part }, KNOWN)).toBe("more than 100 recordings match");
});

test("what was read to the end is counted", () => {
  const read = (count: number) => ({ ...KNOWN, read: count, more: false });
  expect(countText({ ...ALL, search: "rain", collection: "col_1" }, read(3))).toBe("3 recordings match");
  expect(countText({ ...ALL, search: "rain" }, read(1))).toBe("1 recording matches");
  expect(countText(ALL, read(1))).toBe("1 recording in the library");
});
