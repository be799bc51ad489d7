import { expect, test, vi } from "vitest";
import type { Track } from "../src/api/client";
import { csvOf, forEach } from "../src/library/bulk";
import { labelOrWhy, unlabelledText } from "../src/state/labelOrWhy";

test("every item is done though some fail, and those are given with their errors", async () => {
  const counts: number[] = [];
  const one = (item: number) => (item % 2 ? Promise.reject(new Error(`no ${item}`)) : Promise.resolve());
  const failures = await forEach([0, 1, 2, 3, 4, 5], one, (count) => counts.push(count));
  const said = failures.map(({ item, error }) => `${item}: ${error}`).sort();
  expect(said).toEqual(["1: Error: no 1", "3: Error: no 3", "5: Error: no 5"]);
  expect(counts.at(-1)).toBe(6);
});

test("what has ended is counted, not what was begun", async () => {
  const ends = new Map<number, () => void>();
  const counts: number[] = [];
  const all = forEach([0, 1, 2, 3, 4, 5], (item) => new Promise<void>((resolve) => ends.set(item, resolve)), (count) => counts.push(count));
  expect(ends.size).toBe(4);
  ends.get(2)?.();
  await vi.waitFor(() => expect(ends.size).toBe(5));
  expect(counts).toEqual([1]);
  await vi.waitFor(() => {
    for (const end of ends.values()) end();
    expect(counts).toHaveLength(6);
  });
  expect(await all).toEqual([]);
  expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a table quotes what it must and runs no formula", () => {
  const track = { filename: '=cmd|" /C calc"!A1.wav', name: "@rain", label: "rain, hail", labels: { m: ["rain", "hail"] }, duration_s: 1.5, created_at: "2026-01-01", id: "trk_1" };
  const [head, row] = csvOf([track as unknown as Track]).split("\r\n");
  expect(head).toBe("\ufefffilename,name,label,confirmed,labels,duration_s,created_at,id");
  expect(row).toBe(`"'=cmd|"" /C calc""!A1.wav",'@rain,"rain, hail",,"m: rain, hail",1.5,2026-01-01,trk_1`);
});

test("a recording without a label says why", () => {
  const track = (classified_by: string[]) => ({ classified_by }) as unknown as Track;
  expect(unlabelledText(track([]), undefined, null)).toBe("not listened to");
  const failed = { ...track([]), classification_failed: true };
  expect([unlabelledText(failed, undefined, null), labelOrWhy(failed)]).toEqual(Array(2).fill("could not be listened to"));
  expect(unlabelledText({ ...track(["genre-10"]), classification_failed: true }, undefined, null)).toBe("no label is likely");
  expect(unlabelledText(track(["genre-10"]), undefined, null)).toBe("no label is likely");
  expect(unlabelledText(track(["genre-10"]), undefined, "birds")).toBe("not heard by birds");
  const job = { tasks: [{ name: "classify", status: "running" }] } as unknown as Parameters<typeof unlabelledText>[1];
  expect(unlabelledText(track([]), job, null)).toBe("…");
  expect([labelOrWhy(track([])), labelOrWhy(track(["genre-10"]))]).toEqual(["not listened to", "no label is likely"]);
  expect(labelOrWhy({ ...track([]), label: "our_hound", label_confirmed: true })).toBe("our hound (confirmed)");
});
