import { describe, expect, it } from "vitest";
import type { Job } from "../src/api/client";
import { stateOf } from "../src/state/trackState";

const task = (name: string, model: string | null, more: object = {}) => ({
  name,
  status: "succeeded",
  result: model === null ? null : { model: { name: model } },
  ...more,
});
const job = (...tasks: object[]) => ({ tasks }) as unknown as Job;

const JOBS = [
  job(task("classify", "genre-10"), task("explain", "genre-10"), task("separate", "htdemucs")),
  job(task("classify", "environment-50"), task("embed", "environment-50"), task("features", null, { status: "failed" })),
  job({ name: "describe", status: "succeeded", result: { tempo_bpm: 120 } }),
];

describe("a track's state", () => {
  it("has the results of one model only, and those that need no model", () => {
    const has = (model: string) => {
      const state = stateOf(JOBS, model);
      return (["classify", "embed", "explain", "separate", "describe"] as const).filter((name) => state.has(name));
    };
    expect(has("genre-10")).toEqual(["classify", "explain", "separate", "describe"]);
    expect(has("environment-50")).toEqual(["classify", "embed", "separate", "describe"]);
    expect(stateOf(JOBS, "environment-50").result("classify")?.model.name).toBe("environment-50");
    expect(stateOf(JOBS, "environment-50").result("explain")).toBeNull();
    expect(stateOf(JOBS, "genre-10").result("describe")?.tempo_bpm).toBe(120);
  });

  it("uses the newest model until one is selected", () => {
    expect(stateOf(JOBS, null).model).toBe("genre-10");
    expect(stateOf(JOBS, null).models).toEqual(["genre-10", "environment-50"]);
    expect(stateOf(JOBS, "environment-10").model).toBe("environment-10");
    expect(stateOf([], null).model).toBeNull();
  });

  it("knows the newest task of each name, failed ones included, and those that have not ended", () => {
    const running = job(task("separate", null, { status: "running" }), task("mixdown", null, { status: "queued" }));
    const state = stateOf([running, ...JOBS], "genre-10");
    expect(state.task("features")?.status).toBe("failed");
    expect(state.task("separate")?.status).toBe("running");
    expect(state.task("embed")).toBeNull();
    expect(state.active.map(({ name }) => name)).toEqual(["separate", "mixdown"]);
  });

  it("gives the newest result that fits", () => {
    const explained = (label: string, stems: object | null) => task("explain", "genre-10", { result: { model: { name: "genre-10" }, label, stems } });
    const state = stateOf([job(explained("jazz", null)), job(explained("pop", null)), job(explained("pop", { probability: 1 }))], null);
    expect(state.result("explain")?.label).toBe("jazz");
    expect(state.result("explain", ({ label }) => label === "pop")?.stems).toBeNull();
    expect(state.result("explain", ({ stems }) => stems !== null)?.label).toBe("pop");
  });
});
