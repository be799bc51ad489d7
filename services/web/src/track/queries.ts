import { useQuery } from "@tanstack/react-query";
import { type ArtifactLink, fetchArtifact, fetchWithKey, type Job } from "../api/client";
import { hasEnded, watchJob } from "../api/watch";
import { readNpz } from "../sound/arrays";

/** The arrays behind a link, by name. */
export function useArrays(link: ArtifactLink | null | undefined, wanted = true) {
  return useQuery({
    queryKey: ["arrays", link?.id],
    queryFn: async ({ signal }) => {
      if (!link) throw new Error("there is no link");
      return readNpz(await fetchArtifact(link, signal));
    },
    enabled: Boolean(link) && wanted,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What `describe` measures. Until it has run, the service answers with its job: waits for the task, not for all of the job. */
export async function measured<T>(path: string, signal: AbortSignal): Promise<T> {
  for (;;) {
    const response = await fetchWithKey(path, { headers: { Accept: "application/json" }, signal });
    if (response.status !== 202) return (await response.json()) as T;
    const job = (await response.json()) as Job;
    await watchJob(job.id, () => undefined, signal, isDescribed);
  }
}

/** Whether the job's `describe`, which measures, has ended. Other tasks of the job may run on. */
function isDescribed(job: Job): boolean {
  return job.tasks.some((task) => task.name === "describe" && hasEnded(task)) || hasEnded(job);
}
