import { useSyncExternalStore } from "react";
import { api, dataOf, type Job, type Track } from "../api/client";
import { errorText } from "../api/problem";
import { upload } from "../api/upload";
import { watchJob } from "../api/watch";
import { failureText } from "../api/taskText";
import { ANALYSIS, jobRequest } from "../state/requests";
import { announce } from "../ui/live";

/** A recording that is uploaded and analysed; `sent` is a share, 0 to 1. */
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
    const added: Upload = { id: nextId++, file, phase: "waiting", sent: 0, track: null, job: null, problem: null };
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
    refresh();
    startNext();
    const job = await analyse(track, (seen) => change(id, { job: seen }), stop.signal);
    const failed = job.tasks.find((task) => task.status === "failed");
    if (failed) throw new Error(failureText(failed));
    change(id, { phase: "done", job });
    announce(`${file.name} was analysed.`);
  } catch (error) {
    if (!stop.signal.aborted) {
      change(id, { phase: "failed", problem: errorText(error) });
      announce(`${file.name}: ${errorText(error)}`);
    }
  } finally {
    refresh();
    startNext();
  }
}

async function analyse(track: Track, notify: (job: Job) => void, signal: AbortSignal): Promise<Job> {
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
  for (const listener of listeners) listener();
}
