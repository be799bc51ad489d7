import { useSyncExternalStore } from "react";
import { api, dataOf, type Job, type Track } from "../api/client";
import { errorText } from "../api/problem";
import { ROOT_PATH } from "../api/root";
import { upload } from "../api/upload";
import { watchJob } from "../api/watch";
import { failureText } from "../api/taskText";
import { ANALYSIS, jobRequest } from "../state/requests";
import { isResultOf } from "../state/results";
import { labelText, percent } from "../ui/format";
import { announce } from "../ui/live";

/** A recording that is uploaded and analysed; `sent` is a share, 0 to 1; `file` is null after a reload. */
export type Upload = {
  id: number;
  name: string;
  file: File | null;
  phase: "waiting" | "sending" | "working" | "done" | "failed";
  sent: number;
  track: Pick<Track, "id" | "filename"> | null;
  /** Whether the library had the same bytes before. */
  already: boolean;
  job: Job | null;
  /** What was heard when it was done: `rain 97 %`. */
  heard: string | null;
  problem: string | null;
};

const AT_ONCE = 3;
const STORED = `phonoscope.uploads${ROOT_PATH}`;
const LOST = "The page was closed before it was sent. Add it again.";

let uploads: readonly Upload[] = [];
let nextId = 1;
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
  for (const file of files) {
    const added = { id: nextId++, name: file.name, file, phase: "waiting", sent: 0, track: null, already: false, job: null, heard: null, problem: null } as const;
    uploads = [...uploads, added];
  }
  notify();
  startNext();
}

export function retryUpload(id: number): void {
  change(id, { phase: "waiting", problem: null, sent: 0 });
  startNext();
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
  const kept = JSON.parse(sessionStorage.getItem(STORED) ?? "[]") as Upload[];
  if (uploads.length || kept.length === 0) return;
  uploads = kept.map((upload) => {
    if (upload.phase === "done" || upload.phase === "failed") return { ...upload, id: nextId++ };
    const next = upload.track ? ({ phase: "waiting" } as const) : ({ phase: "failed", problem: LOST } as const);
    return { ...upload, id: nextId++, ...next };
  });
  notify();
  startNext();
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
  stops.set(id, stop);
  try {
    change(id, { phase: "sending" });
    const stored = await store(id, stop.signal);
    change(id, { phase: "working", sent: 1, ...stored });
    refresh();
    startNext();
    const job = await analyse(stored.track, (seen) => change(id, { job: seen }), stop.signal);
    const failed = job.tasks.find((task) => task.status === "failed");
    if (failed) throw new Error(failureText(failed));
    change(id, { phase: "done", job, heard: heardText(job) });
    announce(`${name} was analysed.`);
  } catch (error) {
    if (!stop.signal.aborted) {
      change(id, { phase: "failed", problem: errorText(error) });
      announce(`${name}: ${errorText(error)}`);
    }
  } finally {
    refresh();
    startNext();
  }
}

async function store(id: number, signal: AbortSignal): Promise<Pick<Upload, "already"> & { track: { id: string; filename: string } }> {
  const { file, track, already } = find(id);
  if (track) return { track, already };
  if (!file) throw new Error(LOST);
  return upload(file, (sent) => change(id, { sent }), signal);
}

async function analyse(track: { id: string }, notify: (job: Job) => void, signal: AbortSignal): Promise<Job> {
  const job = dataOf(await api.POST("/v1/jobs", { body: jobRequest(track.id, ANALYSIS), signal }));
  notify(job);
  return watchJob(job.id, notify, signal);
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
  if (uploads.length) sessionStorage.setItem(STORED, JSON.stringify(uploads.map(remembered)));
  else sessionStorage.removeItem(STORED);
  window.onbeforeunload = uploads.some(({ phase, file }) => file && (phase === "waiting" || phase === "sending")) ? askToStay : null;
  for (const listener of listeners) listener();
}

/** What is needed to go on after a reload, and little more: results are long. */
function remembered(upload: Upload): Upload {
  const { track } = upload;
  return { ...upload, file: null, job: null, track: track && { id: track.id, filename: track.filename } };
}

/** The label that counts and its probability, as in `rain 97 %`. */
function heardText(job: Job): string {
  const result = job.tasks.find(({ name }) => name === "classify")?.result ?? null;
  if (!isResultOf(result, "classify")) return "added";
  const [best] = result.top;
  if (result.kind === "silence") return "silence";
  return best && !result.unknown ? `${labelText(best.label)} ${percent(best.probability)}` : "no label is likely";
}

/** Has the browser ask before the page is left: what was not sent would be lost. */
function askToStay(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
