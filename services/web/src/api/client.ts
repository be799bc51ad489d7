import createClient, { type Middleware } from "openapi-fetch";
import { credential } from "./credential";
import { ROOT_PATH } from "./root";
import { currentKey, refreshSession, refuseKey } from "./session";
import { CROSS_SITE, problemOf } from "./problem";
import { headerOf, isUser } from "./user";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Track = Schemas["Track"];
export type SignedInUser = Schemas["SignedInUser"];
export type Job = Schemas["Job"];
export type Task = Schemas["Task"];
export type TaskName = Schemas["TaskName"];
export type Status = Schemas["Status"];
export type Waiting = Schemas["Waiting"];
export type ArtifactLink = Schemas["ArtifactLink"];
export type ModelCard = Schemas["ModelCard"];
export type BodyCard = Schemas["BodyCard"];
export type SpaceCard = Schemas["SpaceCard"];
export type StemModelCard = Schemas["StemModelCard"];
export type LabelledTracks = Schemas["LabelledTracks"];
export type Neighbour = Schemas["Neighbour"];
export type SearchAnswer = Schemas["SearchAnswer"];
export type SearchItem = Schemas["SearchItem"];
export type MatchedLabel = Schemas["MatchedLabel"];
export type TrackResult = Schemas["TrackResult"];
export type AnyResult = NonNullable<TrackResult["result"]>;
export type Peaks = Schemas["Peaks"];
export type WaveformLevels = Schemas["WaveformLevels"];
export type SpectrogramLevels = Schemas["SpectrogramLevels"];
export type Stems = Schemas["Stems"];
export type Stem = Schemas["Stem"];
export type JobRequest = Schemas["JobRequest"];
export type JobOptions = Schemas["JobOptions"];
export type ClassifyOptions = Schemas["ClassifyOptions"];
export type ExplainOptions = Schemas["ExplainOptions"];
export type Answer = Schemas["Answer"];
export type Kind = Schemas["Kind"];
export type QuotaUsage = Schemas["QuotaUsage"];
export type SharedTrack = Schemas["SharedTrack"];
export type TrackShare = Schemas["TrackShare"];
export type LabelState = Schemas["LabelState"];

export const NOT_MODIFIED = 304;

const keyed: Middleware = {
  onRequest({ request }) {
    const key = credential();
    if (key) request.headers.set(...headerOf(key));
    return request;
  },
  async onResponse({ request, response }) {
    if (!response.ok && response.status !== NOT_MODIFIED) throw await problemFrom(response, request.headers);
    return response;
  },
};

/** The typed client. Throws an `ApiProblem` for every answer that is neither a success nor, as asked, not modified. */
export const api = createClient<paths>({ baseUrl: `${ROOT_PATH}/` });
api.use(keyed);

/** Fetches bytes or a stream of the API with its key; the path is below the page's own prefix. Throws an `ApiProblem` for an answer that is not a success. */
export async function fetchWithKey(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = credential();
  if (key) headers.set(...headerOf(key));
  const response = await fetch(ROOT_PATH + path, { ...init, headers });
  if (!response.ok) throw await problemFrom(response, headers);
  return response;
}

/** The bytes behind an artifact's signed link. Throws an `ApiProblem` for an answer that is not a success. */
export async function fetchArtifact(link: ArtifactLink, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(link.url, signal ? { signal } : {});
  if (!response.ok) throw await problemOf(response);
  return response.arrayBuffer();
}

/** The content of an answer. Throws an `Error` when it has none. */
export function dataOf<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new Error("the service answered without content");
  return answer.data;
}

async function problemFrom(response: Response, sent: Headers): Promise<Error> {
  const problem = await problemOf(response);
  // A late answer to the key of before says nothing of the one that is signed in now.
  const key = currentKey();
  if (problem.code === CROSS_SITE && key && isUser(key)) refreshSession();
  if (response.status !== 401 || !key) return problem;
  const [name, value] = headerOf(key);
  if (sent.get(name) === value) refuseKey(isUser(key) ? "Your session has ended. Sign in again." : "The service does not know this key.");
  return problem;
}
