import type { QuotaUsage } from "../api/client";
import { bytes, time } from "../ui/format";

export const QUOTAS: Record<QuotaUsage["name"], string> = {
  requests: "Requests",
  uploads: "Uploads today",
  upload_bytes: "Uploaded today",
  stored_bytes: "Stored recordings, size",
  stored_tracks: "Stored recordings",
  queued_audio_s: "Audio that waits or is worked on",
  queued_jobs: "Jobs that wait or run",
  open_streams: "Open streams of events",
  open_uploads: "Unfinished uploads",
  test_deliveries: "Test deliveries today",
  classifiers: "Classifiers",
};

const BYTES = new Set<QuotaUsage["name"]>(["upload_bytes", "stored_bytes"]);

/** An amount of a quota in its unit: `1.2 GB`, `0:42`, `10,000`. */
export function amount(name: QuotaUsage["name"], value: number): string {
  if (BYTES.has(name)) return bytes(value);
  if (name === "queued_audio_s") return time(value, 0);
  return Math.round(value).toLocaleString("en-GB");
}

/** When a quota of a day is free again; empty for one that is free as soon as something ends or is deleted. */
export function freeAgain({ name, used, resets_at }: QuotaUsage): string {
  if (name === "requests" || !used || !resets_at) return "";
  const at = new Date(resets_at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return `free again at ${at}`;
}
