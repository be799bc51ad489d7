import { expect, test } from "vitest";
import { addressOf, shownIn } from "../src/library/shown";

test("what is shown of the library comes back from its address", () => {
  const shown = { view: "map", search: "rain & <wind>", label: "sea_waves" } as const;
  expect(shownIn(new URLSearchParams(addressOf(shown).toString()))).toEqual(shown);
});

test("the library as usual has no query", () => {
  expect(addressOf({ view: "list", search: "", label: null }).toString()).toBe("");
});

test("an address that says nothing sensible shows the library as usual", () => {
  expect(shownIn(new URLSearchParams("view=globe&label=&q="))).toEqual({ view: "list", search: "", label: null });
});
