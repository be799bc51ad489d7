import { expect, test } from "vitest";
import { queryOf, viewFrom } from "../src/library/libraryView";

test("a view is read back from its address", () => {
  const shown = { view: "map", search: "rain & <wind>", label: "sea_waves" } as const;
  expect(viewFrom(new URLSearchParams(queryOf(shown).toString()))).toEqual(shown);
});

test("the default view has no query", () => {
  expect(queryOf({ view: "list", search: "", label: null }).toString()).toBe("");
});

test("an address with unknown values shows the default view", () => {
  expect(viewFrom(new URLSearchParams("view=globe&label=&q="))).toEqual({ view: "list", search: "", label: null });
});
