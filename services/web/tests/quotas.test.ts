import { expect, test } from "vitest";
import { amount, freeAgain } from "../src/app/quotas";

const AT = "2030-01-02T00:00:00Z";

test("an amount is said in its quota's unit", () => {
  expect(amount("stored_bytes", 1_234_000_000)).toBe("1.2 GB");
  expect(amount("stored_bytes", 1.1e12)).toBe("1.1 TB");
  expect(amount("queued_audio_s", 42)).toBe("0:42");
  expect(amount("queued_jobs", 10_000)).toBe("10,000");
});

test("only a quota of a day that is in use says when it is free again", () => {
  const quota = { name: "uploads", used: 1, limit: 10, window_s: 86_400, resets_at: AT } as const;
  expect(freeAgain(quota)).toMatch(/^free again at \d\d:\d\d$/);
  expect(freeAgain({ ...quota, used: 0 })).toBe("");
  expect(freeAgain({ ...quota, name: "requests" })).toBe("");
  expect(freeAgain({ ...quota, name: "queued_jobs", resets_at: null })).toBe("");
});
