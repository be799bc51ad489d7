import { expect, test } from "vitest";
import type { Job } from "../src/api/client";
import { heardBy } from "../src/state/listener";
import { newest } from "../src/state/results";

const task = (name: string, model: string | null) => ({ name, result: model ? { model: { name: model } } : null });
const job = (...tasks: object[]) => ({ tasks }) as unknown as Job;

test("what another model heard is left out, and nothing else is", () => {
  const jobs = [
    job(task("classify", "genre-10"), task("explain", "genre-10"), task("separate", "htdemucs")),
    job(task("classify", "environment-50"), task("embed", "environment-50"), task("features", null)),
    job({ name: "describe", result: { tempo_bpm: 120 } }),
  ];
  const names = (model: string) => heardBy(jobs, model).map(({ tasks }) => tasks.map(({ name }) => name));
  expect(names("genre-10")).toEqual([["classify", "explain", "separate"], ["features"], ["describe"]]);
  expect(names("environment-50")).toEqual([["separate"], ["classify", "embed", "features"], ["describe"]]);
  expect(newest(heardBy(jobs, "environment-50"), "classify")?.model.name).toBe("environment-50");
  expect(newest(heardBy(jobs, "environment-50"), "explain")).toBeNull();
});
