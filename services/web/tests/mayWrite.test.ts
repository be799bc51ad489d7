import { expect, test } from "vitest";
import { allowsWrites, byText } from "../src/state/mayWrite";

test("whoever may only read, or of whom it is not known, is offered nothing that changes something; where the service does not say, all is", () => {
  expect(allowsWrites({ scopes: ["read"] })).toBe(false);
  expect(allowsWrites({ scopes: ["read", "write"] })).toBe(true);
  expect(allowsWrites({ scopes: null })).toBe(true);
  expect(allowsWrites({})).toBe(true);
  expect(allowsWrites(undefined)).toBe(false);
});

test("a label is whose it is: one's own, a colleague's or of another key; nobody's where nobody knows", () => {
  expect(byText("k1", "k1")).toBe(" by you");
  expect(byText("usr_a", "usr_a")).toBe(" by you");
  for (const own of ["k1", "usr_b"]) expect(byText("usr_a", own)).toBe(" by a colleague");
  expect([byText("k2", "k1"), byText("k2", "usr_a")]).toEqual([" with another API key", " with an API key"]);
  for (const [keyId, own] of [[null, "k1"], [undefined, "k1"], ["k1", null], ["k1", undefined]] as const) expect(byText(keyId, own)).toBe("");
});
