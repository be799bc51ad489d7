import { expect, test } from "vitest";
import { addressOfStretch, queryFrom, unitFrom } from "../src/search/query";
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

test("times that are none are left out", () => {
  const query = queryFrom(new URLSearchParams("track=trk_1&from=-1&to=soon"));
  expect(query).toEqual({ by: "track", trackId: "trk_1", startS: null, endS: null });
});

test("a tag's date is shown without its time of day", () => {
  const tags = (date: string) => tagsOf({ tags: { date }, filename: "a.wav" } as unknown as Track);
  expect([tags("2023-05-01T12:00:00Z"), tags("2023-05-01 12:00"), tags("May 2023")]).toEqual([["2023-05-01"], ["2023-05-01"], ["May 2023"]]);
});
