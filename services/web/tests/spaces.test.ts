import { expect, test } from "vitest";
import { spaceState } from "../src/models/spaceState";

test("a space that is being filled says how much of it is", () => {
  const card = { state: "filling", read: false, total: 4, missing: 3 } as const;
  expect(spaceState(card)).toBe("1 of 4");
  expect(spaceState({ ...card, read: true })).toBe("1 of 4, searched");
  expect(spaceState({ ...card, state: "old", read: true, missing: 0 })).toBe("old, searched");
  expect(spaceState({ ...card, state: "current", missing: 0 })).toBe("current");
});
