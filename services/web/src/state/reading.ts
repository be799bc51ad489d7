import { api, dataOf, type Job, NOT_MODIFIED, type Status, type TrackResult } from "../api/client";

const PAGE_SIZE = 100;

/** What the service knows of a track: its newest results under their entity tag, and its jobs that run, wait or have failed. */
export type TrackAnswer = { etag: string | null; results: readonly TrackResult[]; jobs: readonly Job[] };

/**
 * Reads the state of a track. Results that have not changed since the `known` answer are not sent again.
 *
 * With `shared` its jobs are left out, which a shared link does not open. Throws an `ApiProblem` when the service refuses, for example when the track was deleted.
 */
export async function readTrackState(
  trackId: string,
  known: TrackAnswer | undefined,
  signal: AbortSignal,
  shared = false,
): Promise<TrackAnswer> {
  if (shared) return { ...(await readResults(trackId, known, signal)), jobs: [] };
  const open = await openJobs(trackId, signal);
  const failed = (await pageOfJobs(trackId, "failed", null, signal)).items;
  const found = await readResults(trackId, known, signal);
  const jobs = new Map([...open, ...failed].map((job) => [job.id, job]));
  return { ...found, jobs: [...jobs.values()].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at)) };
}

/** The jobs that wait or run: of a track, or all. */
export async function openJobs(trackId: string | null, signal: AbortSignal): Promise<Job[]> {
  // One after the other, in the order in which a job goes through them: what moves on meanwhile is found at its next place.
  const queued = await everyJob(trackId, "queued", signal);
  return [...queued, ...(await everyJob(trackId, "running", signal))];
}

async function readResults(trackId: string, known: TrackAnswer | undefined, signal: AbortSignal) {
  const params = { path: { track_id: trackId }, header: known?.etag ? { "if-none-match": known.etag } : {} };
  const answer = await api.GET("/v1/tracks/{track_id}/results", { params, signal });
  if (known && answer.response.status === NOT_MODIFIED) return { etag: known.etag, results: known.results };
  return { etag: answer.response.headers.get("ETag"), results: dataOf(answer).items };
}

async function everyJob(trackId: string | null, status: Status, signal: AbortSignal): Promise<Job[]> {
  const found: Job[] = [];
  for (let cursor: string | null = null; ; ) {
    const { items, next_cursor } = await pageOfJobs(trackId, status, cursor, signal);
    found.push(...items);
    if (!next_cursor) return found;
    cursor = next_cursor;
  }
}

async function pageOfJobs(trackId: string | null, status: Status, cursor: string | null, signal: AbortSignal) {
  const query = { ...(trackId && { track_id: trackId }), status, limit: PAGE_SIZE, ...(cursor && { cursor }) };
  return dataOf(await api.GET("/v1/jobs", { params: { query }, signal }));
}
