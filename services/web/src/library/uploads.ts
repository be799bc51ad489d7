import { useSyncExternalStore } from "react";
import { api, held, type Job, type Track } from "../api/client";
import { inWords } from "../api/problem";
import { upload } from "../api/upload";
import { watchJob } from "../api/watch";
import { failureInWords } from "../api/words";
import { ANALYSIS, jobRequest } from "../state/requests";
import { announce } from "../ui/live";

/** A recording on its way from this machine to its results. */
export type Upload = {
  id: number;
  file: File;
  phase: "waiting" | "sending" | "working" | "done" | "failed";
  sent: number;
  track: Track | null;
  job: Job | null;
  problem: string | null;
};

const AT_ONCE = 3;

let uploads: readonly Upload[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
const stops = new Map<number, AbortController>();
let whenDone: () => void = () => undefined;

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(subscribe, () => uploads);
}

/** What is to be done when a track has come or changed. */
export function onTracksChanged(refresh: () => void): void {
  whenDone = refresh;
}

export function addFiles(files: Iterable<File>): void {
  for (const file of files) {
    const added: Upload = { id: nextId++, file, phase: "waiting", sent: 0, track: null, job: null, problem: null };
    uploads = [...uploads, added];
  }
  tell();
  startNext();
}

export function retryUpload(id: number): void {
  change(id, { phase: "waiting", problem: null, sent: 0 });
  startNext();
}

/** Takes it off the list; what has not been sent yet is not sent. */
export function dismissUpload(id: number): void {
  stops.get(id)?.abort();
  stops.delete(id);
  uploads = uploads.filter((upload) => upload.id !== id);
  tell();
  startNext();
}

function startNext(): void {
  const busy = uploads.filter(({ phase }) => phase === "sending").length;
  for (const { id } of uploads.filter(({ phase }) => phase === "waiting").slice(0, Math.max(0, AT_ONCE - busy))) {
    void run(id);
  }
}

async function run(id: number): Promise<void> {
  const { file, track: sentBefore } = find(id);
  const stop = new AbortController();
  stops.set(id, stop);
  try {
    change(id, { phase: "sending" });
    const track = sentBefore ?? (await upload(file, (sent) => change(id, { sent }), stop.signal));
    change(id, { phase: "working", sent: 1, track });
    whenDone();
    startNext();
    const job = await analysed(track, (seen) => change(id, { job: seen }), stop.signal);
    const failed = job.tasks.find((task) => task.status === "failed");
    if (failed) throw new Error(failureInWords(failed));
    change(id, { phase: "done", job });
    announce(`${file.name} is analysed.`);
  } catch (error) {
    if (!stop.signal.aborted) {
      change(id, { phase: "failed", problem: inWords(error) });
      announce(`${file.name}: ${inWords(error)}`);
    }
  } finally {
    whenDone();
    startNext();
  }
}

async function analysed(track: Track, tell: (job: Job) => void, signal: AbortSignal): Promise<Job> {
  const job = held(await api.POST("/v1/jobs", { body: jobRequest(track.id, ANALYSIS), signal }));
  tell(job);
  return watchJob(job.id, tell, signal);
}

function find(id: number): Upload {
  const found = uploads.find((upload) => upload.id === id);
  if (!found) throw new Error("this upload is gone");
  return found;
}

function change(id: number, changes: Partial<Upload>): void {
  uploads = uploads.map((upload) => (upload.id === id ? { ...upload, ...changes } : upload));
  tell();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}
