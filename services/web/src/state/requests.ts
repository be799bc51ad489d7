import type { JobOptions, JobRequest, TaskName } from "../api/client";

/** The tasks that every upload gets. */
export const ANALYSIS: readonly TaskName[] = ["classify", "embed", "explain", "features", "describe"];
/** The tasks that are asked for with other models: what they hear, and why. */
export const BY_MODEL: readonly TaskName[] = ["classify", "embed", "explain"];

// The page draws heatmaps and feature maps itself. A worker need not draw them too.
const SHOWN: JobOptions = {
  classify: { top_k: 10 },
  explain: { artifacts: ["heatmap", "listen"] },
  features: { artifacts: ["arrays"] },
};

/** The body of `POST /v1/jobs` for tasks on a track. Asks for no artifact that the page does not show. */
export function jobRequest(trackId: string, tasks: readonly TaskName[], options: JobOptions = {}): JobRequest {
  const classify = tasks.includes("classify") && { classify: { ...SHOWN.classify, ...options.classify } };
  const explain = tasks.includes("explain") && { explain: { ...SHOWN.explain, ...options.explain } };
  const features = tasks.includes("features") && { features: { ...SHOWN.features, ...options.features } };
  return { track_id: trackId, tasks: [...tasks], options: { ...options, ...classify, ...explain, ...features } };
}
