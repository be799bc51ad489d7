import { expect, test } from "vitest";
import { renewalMs, urlIn } from "../src/api/links";

const READ = Date.parse("2026-05-04T12:00:00Z");
const link = (expires_at: string) => ({ id: "art_1", url: "/v1/artifacts/art_1", expires_at });
const jobs = [
  { tasks: [{ result: null }, { result: { layers: [{ image: link("2026-05-04T13:00:00Z") }] } }] },
  { tasks: [{ result: { heatmap: link("2026-05-04T12:05:00Z"), listen: null } }] },
];

test("links are renewed before the first of them expires", () => {
  expect(renewalMs(jobs, READ, READ)).toBe(200_000);
  expect(renewalMs(jobs, READ, READ + 150_000)).toBe(50_000);
  expect(renewalMs(jobs[0], READ, READ)).toBe(2_400_000);
});

test("an artifact's link is found wherever it is", () => {
  const other = { ...link("2026-05-04T12:05:00Z"), id: "art_2", url: "/v1/artifacts/art_2" };
  expect(urlIn([jobs, { result: [null, other] }], "art_2")).toBe("/v1/artifacts/art_2");
  expect(urlIn(jobs, "art_3")).toBeUndefined();
});

test("an answer without links is not renewed", () => {
  expect(renewalMs([{ tasks: [{ result: { tempo_bpm: 120 } }] }], READ, READ)).toBe(false);
  expect(renewalMs(undefined, READ, READ)).toBe(false);
});

test("a browser whose clock is ahead does not ask all the time", () => {
  expect(renewalMs(jobs, READ + 86_400_000, READ + 86_400_000)).toBe(30_000);
});
