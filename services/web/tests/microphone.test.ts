import { afterEach, expect, it, vi } from "vitest";
import { nameAt } from "../src/library/microphone";

afterEach(() => void vi.unstubAllEnvs());

it.each([
  ["Asia/Tokyo", "recording 2026-02-01 08-30-00"],
  ["UTC", "recording 2026-01-31 23-30-00"],
  ["America/New_York", "recording 2026-01-31 18-30-00"],
])("names a recording by the time in %s", (zone, name) => {
  vi.stubEnv("TZ", zone);
  expect(nameAt(new Date("2026-01-31T23:30:00Z"))).toBe(name);
});
