import { expect, test } from "vitest";
import { ANALYSIS, jobRequest } from "../src/state/requests";

test("a job makes the artifacts that the page shows, and no pictures", () => {
  expect(jobRequest("trk_1", ANALYSIS)).toEqual({
    track_id: "trk_1",
    tasks: ["classify", "embed", "explain", "features", "describe"],
    options: { classify: { top_k: 10 }, explain: { artifacts: ["heatmap", "listen"] }, features: { artifacts: ["arrays"] } },
  });
});

test("options of the same task are kept, and a task that is not asked for gets none", () => {
  expect(jobRequest("trk_1", ["explain"], { classify: { model: "genre-10" }, explain: { label: "jazz", trust: true } })).toEqual({
    track_id: "trk_1",
    tasks: ["explain"],
    options: {
      classify: { model: "genre-10" },
      explain: { artifacts: ["heatmap", "listen"], label: "jazz", trust: true },
    },
  });
  expect(jobRequest("trk_1", ["separate"]).options).toEqual({});
});
