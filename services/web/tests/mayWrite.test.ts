import { expect, test } from "vitest";
import { allowsWrites } from "../src/state/mayWrite";

test("whoever may only read is offered nothing that changes something; where the service does not say, all is", () => {
  expect(allowsWrites({ scopes: ["read"] })).toBe(false);
  expect(allowsWrites({ scopes: ["read", "write"] })).toBe(true);
  expect(allowsWrites({ scopes: null })).toBe(true);
  expect(allowsWrites({})).toBe(true);
  expect(allowsWrites(undefined)).toBe(true);
});
