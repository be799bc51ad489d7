import { expect, test } from "vitest";
import { addressOfWords } from "../src/library/libraryView";
import { addressOfStretch, queryFrom, unitFrom } from "../src/search/query";
import { eachOnce, leftOut } from "../src/search/why";
import { tagsOf } from "../src/ui/tags";
import type { Track } from "../src/api/client";

test("words in an address are searched without the spaces around them", () => {
  expect(queryFrom(new URLSearchParams("q=%20glass%20breaking "))).toEqual({ by: "words", words: "glass breaking" });
  expect(queryFrom(new URLSearchParams("q=%20"))).toBeNull();
});

test("the address of a stretch is read back", () => {
  const address = new URLSearchParams(addressOfStretch("trk_1", 3, 4.567).split("?")[1]);
  expect(queryFrom(address)).toEqual({ by: "track", trackId: "trk_1", startS: 3, endS: 4.57 });
  expect(unitFrom(address)).toBe("moment");
});

test("the address of words is read back, and is the page's own without any", () => {
  const address = new URLSearchParams(addressOfWords("a dog & cat", "col_1").split("?")[1]);
  expect([queryFrom(address), address.get("collection")]).toEqual([{ by: "words", words: "a dog & cat" }, "col_1"]);
  expect(addressOfWords("", null)).toBe("/search");
});

test("times that are none are left out", () => {
  const query = queryFrom(new URLSearchParams("track=trk_1&from=-1&to=soon"));
  expect(query).toEqual({ by: "track", trackId: "trk_1", startS: null, endS: null });
});

test("a label that two models have is shown once, as it is most probable", () => {
  const heard = (model: string, label: string, probability: number) => ({ model, label, probability });
  const found = eachOnce([heard("a", "dog", 0.23), heard("b", "Dog", 0.95), heard("b", "rain", 0.5)]);
  expect(found).toEqual([heard("b", "Dog", 0.95), heard("b", "rain", 0.5)]);
});

test("what is not searched says why, and what helps", () => {
  const answer = (tracks: number, space: string | null) => ({
    coverage: { tracks, of: 4 },
    query: { by: "text" as const, way: space ? ("sound" as const) : ("meaning" as const), space: space ? { name: space, digest: "d" } : null },
  });
  expect(leftOut(answer(4, "general"), "track")).toBeNull();
  const asked = [leftOut(answer(3, "general"), "track"), leftOut(answer(2, "general"), "moment"), leftOut(answer(2, null), "track")];
  expect(asked).toEqual([
    { text: "1 recording is not searched: it is not embedded by general yet.", cure: "embed" },
    { text: "2 recordings are not searched: no moments of them are embedded by general yet.", cure: "embed" },
    { text: "2 recordings are not searched: no moments of them are kept yet.", cure: "analyse" },
  ]);
});

test("a tag's date is shown without its time of day", () => {
  const tags = (date: string) => tagsOf({ tags: { date }, filename: "a.wav" } as unknown as Track);
  expect([tags("2023-05-01T12:00:00Z"), tags("2023-05-01 12:00"), tags("May 2023")]).toEqual([["2023-05-01"], ["2023-05-01"], ["May 2023"]]);
});
