import type { Job, Track } from "../api/client";
import { labelText, shownLabel } from "../ui/format";

type Unlabelled = Pick<Track, "classified_by"> & { classification_failed?: boolean | undefined };
type Heard = Pick<Track, "label" | "label_confirmed"> & Unlabelled;

/** All that the owner confirmed of a recording, for display: of the whole of it, then of parts alone. */
export function confirmedTexts({ confirmed = [], confirmed_in_parts = [] }: Pick<Track, "confirmed" | "confirmed_in_parts">): string[] {
  return [...confirmed.map(labelText), ...confirmed_in_parts.map(inPartsText)];
}

/** A label of parts of a recording alone, for display. */
export function inPartsText(label: string): string {
  return `${labelText(label)} (in parts)`;
}

/** Why a recording has no label, in words; `model` is the one whose label is meant, null for the newest. */
export function unlabelledText({ classified_by: models = [], classification_failed }: Unlabelled, job: Job | undefined, model: string | null): string {
  if (job?.tasks.some(({ name, status }) => name === "classify" && (status === "queued" || status === "running"))) return "…";
  if (models.length === 0) return classification_failed ? "could not be listened to" : "not listened to";
  if (model !== null && !models.includes(model)) return `not heard by ${model}`;
  return "no label is likely";
}

/** A recording's label for display, which says when its owner confirmed it; or why it has none. `model` is the one whose label it is, null for the newest. */
export function labelOrWhy(heard: Heard, model: string | null = null): string {
  return heard.label ? shownLabel(heard.label, heard.label_confirmed) : unlabelledText(heard, undefined, model);
}
