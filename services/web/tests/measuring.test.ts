import { expect, test } from "vitest";
import { isUnchanged } from "../src/track/measuring";

test("nothing has changed only where the page had what the service had already", () => {
  expect(isUnchanged(true, [{ cached: true }])).toBe(true);
  expect(isUnchanged(true, [{ cached: false }])).toBe(false);
  expect(isUnchanged(false, [{ cached: true }])).toBe(false);
});
