import { expect, test } from "vitest";
import { isWithin } from "../src/library/map/lasso";
import { mistakes, mistakeText } from "../src/models/mistaken";
import { collectionFrom } from "../src/search/query";

test("a point is inside a line that is drawn around it, also in a bay of it", () => {
  const bay = [[0, 0], [10, 0], [10, 10], [6, 10], [6, 4], [4, 4], [4, 10], [0, 10]].map(([left = 0, top = 0]) => ({ left, top }));
  const within = (left: number, top: number) => isWithin({ left, top }, bay);
  expect([within(2, 8), within(8, 8), within(5, 2)]).toEqual([true, true, true]);
  expect([within(5, 8), within(-1, 5), within(11, 5), within(5, 11)]).toEqual([false, false, false, false]);
  expect(isWithin({ left: 0, top: 0 }, [])).toBe(false);
});

test("the most frequent mistakes come first, right answers are none", () => {
  const counts = [
    [8, 2, 0],
    [0, 10, 0],
    [1, 2, 1],
  ];
  const found = mistakes(["sea_waves", "rain", "wind"], counts);
  expect(found.map(mistakeText)).toEqual(["wind for rain (2 of 4, 50 %)", "sea waves for rain (2 of 10, 20 %)", "wind for sea waves (1 of 4, 25 %)"]);
  expect(mistakes(["a", "b"], [[3, 0], [0, 3]])).toEqual([]);
  expect(mistakes(["sea_waves", "rain", "wind"], counts, 1)).toHaveLength(1);
});

test("a search's collection is in its address", () => {
  expect(collectionFrom(new URLSearchParams("q=rain&collection=col_1"))).toBe("col_1");
  expect(collectionFrom(new URLSearchParams("q=rain"))).toBeNull();
});
