import { useSyncExternalStore } from "react";
import { api, dataOf, fetchWithKey, type Job, type Track } from "../api/client";
import { isOffline } from "../api/network";
import { ApiProblem, errorText } from "../api/problem";
import { remember, remembered } from "../api/session";
import { upload } from "../api/upload";
import { watchJob } from "../api/watch";
import { unsuccessfulText } from "../api/taskText";
import { ANALYSIS, jobRequest } from "../state/requests";
import { isResultOf } from "../state/results";
import { setUploadModel, uploadModel } from "../state/uploadModel";
import { labelText, percent } from "../ui/format";
import type { Dropped } from "../ui/dropped";
import { askBeforeLeaving } from "../ui/leaving";
import { announce } from "../ui/live";

/** The recording that an upload became: its id, and what it is shown as. */
type Stored = Pick<Track, "id" | "filename" | "name" | "tags">;

/** A recording that is uploaded and analysed; `sent` is a share, 0 to 1; `file` is null after a reload, and of an example. */
export type Upload = {
  id: number;
  name: string;
  file: File | null;
  /** Whether it is one of the service's examples, which are fetched from it. */
  example: boolean;
  phase: "waiting" | "sending" | "working" | "done" | "failed";
  sent: number;
  track: Stored | null;
  /** Whether the library had the same bytes before. */
  already: boolean;
  job: Job | null;
  /** The analysis, over a reload; null before there is one, and once it has failed or was cancelled. */
  jobId: string | null;
  /** What classifies it; null for the service's choice. */
  model: string | null;
  /** By which the service knows a repeated request for the analysis. */
  request: string;
  /** What was heard when it was done: `rain 97 %`. */
  heard: string | null;
  problem: string | null;
  /** Whether it failed as the service was not reached: it is tried again when the network is back. */
  cutOff: boolean;
};

const AT_ONCE = 3;
const STORED = "uploads";
const GONE = 404;
const NO_SUCH_MODEL = "unknown_model";
const NO_NETWORK = "No network. It goes on when the network is back.";
const LOST = "The page was closed before it was sent. Add it again.";

let uploads: readonly Upload[] = [];
let nextId = 1;
let timesOnline = 0;
const listeners = new Set<() => void>();
const stops = new Map<number, AbortController>();
let refresh: () => void = () => undefined;

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(subscribe, () => uploads);
}

/** Sets what is called when a track was added or changed. */
export function onTracksChanged(callback: () => void): void {
  refresh = callback;
}

export function addFiles(files: Iterable<File>): void {
  add([...files].map((file) => ({ name: file.name, file, example: false })));
}

/** Adds what was dropped. What could not be read has a row that says so. */
export function addDropped({ files, refused }: Dropped): void {
  addFiles(files);
  for (const { name, why } of refused) add([{ name, file: null, example: false }], { phase: "failed", problem: why });
}

/** Adds the service's examples. Throws an `ApiProblem` when it does not say which there are. */
export async function addExamples(): Promise<void> {
  const { names } = dataOf(await api.GET("/v1/examples"));
  add(names.map((name) => ({ name, file: null, example: true })));
}

function add(added: readonly Pick<Upload, "name" | "file" | "example">[], as: Partial<Upload> = {}): void {
  const rest = { phase: "waiting", sent: 0, track: null, already: false, job: null, jobId: null, heard: null, problem: null, cutOff: false, model: uploadModel() } as const;
  uploads = [...uploads, ...added.map((one) => ({ ...one, ...rest, ...as, id: nextId++, request: newRequest() }))];
  notify();
  startNext();
}

export function retryUpload(id: number): void {
  change(id, { phase: "waiting", problem: null, cutOff: false, sent: 0 });
  startNext();
}

/** Goes on with what the network's absence has ended. To be called when it is back. */
export function retryCutOff(): void {
  timesOnline += 1;
  for (const { id } of uploads.filter(({ phase, cutOff }) => phase === "failed" && cutOff)) retryUpload(id);
}

/** Removes an upload from the list and stops sending it. */
export function dismissUpload(id: number): void {
  stops.get(id)?.abort();
  stops.delete(id);
  uploads = uploads.filter((upload) => upload.id !== id);
  notify();
  startNext();
}

/** Removes what has ended from the list. */
export function clearFinished(): void {
  uploads = uploads.filter(({ phase }) => phase !== "done" && phase !== "failed");
  notify();
}

/** Removes what was uploaded as a track that was deleted. */
export function forgetTrack(trackId: string): void {
  uploads = uploads.filter(({ track }) => track?.id !== trackId);
  notify();
}

/** Goes on with the uploads of before a reload. What was not sent by then is lost, and says so. */
export function resumeUploads(): void {
  const found = parsed(remembered(STORED));
  if (uploads.length || found.length === 0) return;
  uploads = found.map((upload) => {
    if (upload.phase === "done" || (upload.phase === "failed" && !upload.cutOff)) return { ...upload, id: nextId++ };
    const next = upload.track || upload.example ? ({ phase: "waiting", problem: null } as const) : ({ phase: "failed", problem: LOST } as const);
    return { ...upload, id: nextId++, cutOff: false, ...next };
  });
  notify();
  startNext();
}

/** What is remembered of uploads; none where that cannot be read. */
function parsed(text: string | null): Upload[] {
  try {
    const found = JSON.parse(text ?? "[]") as unknown;
    return Array.isArray(found) ? found.filter((one) => typeof (one as Upload | null)?.name === "string") : [];
  } catch {
    return [];
  }
}

/** Stops all uploads and forgets them: the next key may be another person's. */
export function forgetUploads(): void {
  for (const stop of stops.values()) stop.abort();
  stops.clear();
  uploads = [];
  notify();
}

function startNext(): void {
  const busy = uploads.filter(({ phase }) => phase === "sending").length;
  for (const { id } of uploads.filter(({ phase }) => phase === "waiting").slice(0, Math.max(0, AT_ONCE - busy))) {
    void run(id);
  }
}

async function run(id: number): Promise<void> {
  const { name } = find(id);
  const stop = new AbortController();
  const began = timesOnline;
  stops.set(id, stop);
  try {
    change(id, { phase: "sending" });
    const stored = await store(id, stop.signal);
    change(id, { phase: "working", sent: 1, ...stored });
    refresh();
    startNext();
    const job = await analyse(id, stored.track, stop.signal);
    const problem = unsuccessfulText(job);
    if (problem) {
      change(id, { jobId: null, request: newRequest() });
      throw new Error(problem);
    }
    change(id, { phase: "done", job, heard: heardText(job) });
    announce(`${name} was analysed.`);
  } catch (error) {
    if (!stop.signal.aborted) fail(id, error, began);
  } finally {
    refresh();
    startNext();
  }
}

/** Ends an upload, unless the network was back since it began: then it goes on. */
function fail(id: number, error: unknown, began: number): void {
  const cutOff = error instanceof TypeError;
  if (cutOff && timesOnline !== began) {
    change(id, { phase: "waiting", sent: 0 });
    return;
  }
  const problem = cutOff && isOffline() ? NO_NETWORK : errorText(error);
  change(id, { phase: "failed", problem, cutOff });
  announce(`${find(id).name}: ${problem}`);
}

async function store(id: number, signal: AbortSignal): Promise<Pick<Upload, "already"> & { track: Stored }> {
  const { name, file, example, track, already } = find(id);
  if (track) return { track, already };
  const content = example ? await exampleOf(name, signal) : file;
  if (!content) throw new Error(LOST);
  return upload(content, (sent) => change(id, { sent }), signal);
}

async function exampleOf(name: string, signal: AbortSignal): Promise<File> {
  const answer = await fetchWithKey(`/v1/examples/${encodeURIComponent(name)}`, { signal });
  return new File([await answer.blob()], name, { type: "audio/flac" });
}

/** Watches the analysis that was begun before a reload, else begins one; the same one when the answer to that was lost. */
async function analyse(id: number, track: { id: string }, signal: AbortSignal): Promise<Job> {
  const seen = (job: Job) => change(id, { job, jobId: job.id });
  const { jobId } = find(id);
  if (jobId) {
    try {
      return await watchJob(jobId, seen, signal);
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === GONE)) throw error;
    }
  }
  const job = await submitted(id, track.id, signal);
  seen(job);
  return watchJob(job.id, seen, signal);
}

/** Begins the analysis, by the service's choice where the chosen model is not served any more. */
async function submitted(id: number, trackId: string, signal: AbortSignal): Promise<Job> {
  const { model, request } = find(id);
  const params = { header: { "Idempotency-Key": request } };
  const body = jobRequest(trackId, ANALYSIS, model ? { classify: { model } } : {});
  try {
    return dataOf(await api.POST("/v1/jobs", { params, body, signal }));
  } catch (error) {
    if (!model || !(error instanceof ApiProblem && error.code === NO_SUCH_MODEL)) throw error;
    if (uploadModel() === model) setUploadModel(null);
    announce(`${model} is not served any more: what is heard decides.`);
    change(id, { model: null, request: newRequest() });
    return submitted(id, trackId, signal);
  }
}

// `randomUUID` is there on pages that came over TLS alone.
function newRequest(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function find(id: number): Upload {
  const found = uploads.find((upload) => upload.id === id);
  if (!found) throw new Error("no such upload");
  return found;
}

function change(id: number, changes: Partial<Upload>): void {
  uploads = uploads.map((upload) => (upload.id === id ? { ...upload, ...changes } : upload));
  notify();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function notify(): void {
  remember(STORED, uploads.length ? JSON.stringify(uploads.map(kept)) : null);
  askBeforeLeaving("uploads", uploads.some(({ phase, file }) => file !== null && (phase === "waiting" || phase === "sending")));
  for (const listener of listeners) listener();
}

/** What is needed to go on after a reload, and little more: results are long. */
function kept(upload: Upload): Upload {
  const { track } = upload;
  return { ...upload, file: null, job: null, track: track && stored(track) };
}

function stored({ id, filename, name, tags }: Stored): Stored {
  return { id, filename, ...(name && { name }), ...(tags && { tags }) };
}

/** The label that counts and its probability, as in `rain 97 %`. */
function heardText(job: Job): string {
  const result = job.tasks.find(({ name }) => name === "classify")?.result ?? null;
  if (!isResultOf(result, "classify")) return "added";
  const [best] = result.top;
  if (result.kind === "silence") return "silence";
  return best && !result.unknown ? `${labelText(best.label)} ${percent(best.probability)}` : "no label is likely";
}
