import { ago, percent, time, labelText } from "../../ui/format";
import { titleOf } from "../../ui/tags";
import { labelOrWhy } from "../../state/labelOrWhy";
import type { LibraryMap, MapPoint } from "./queries";
import type { Atlas } from "./atlas";

const MOST_ON_MAP = 10_000;
const GOOD = 0.9;
const LARGEST = 12;

/** How many recordings the map does not show, as a sentence; null when it shows all. */
export function missingText({ drawn_at, missing, points = [] }: LibraryMap): string | null {
  if (!missing) return null;
  if (!drawn_at) return `There is no map yet. ${recordings(missing)} can be shown on it.`;
  if (points.length >= MOST_ON_MAP) {
    return `The map shows the ${count(MOST_ON_MAP)} newest recordings; ${count(missing)} are not on it or were embedded again.`;
  }
  return `${recordings(missing)} ${missing === 1 ? "is" : "are"} not on the map yet.`;
}

/** How many recordings have no place on a map since they are silent, as a sentence; null when there are none. */
export function silentText({ silent }: LibraryMap): string | null {
  if (!silent) return null;
  return `${recordings(silent)} ${silent === 1 ? "is" : "are"} silent, and ${silent === 1 ? "has" : "have"} no place on the map.`;
}

/** How and when the map was drawn, and its trustworthiness. */
export function methodText({ drawn_at, method, model, trustworthiness }: LibraryMap, now = Date.now()): string {
  const how = method === "umap" ? "by UMAP" : "by PCA, along the two directions in which the recordings differ most";
  const drawn = `Drawn ${drawn_at ? ago(drawn_at, now) : ""} ${how}, from the embeddings of ${model}.`;
  return `${drawn} ${trustText(trustworthiness ?? null)}`;
}

/** What a recording is called, as the library has it. */
export function nameOf({ name, title, filename }: Pick<MapPoint, "name" | "title" | "filename">): string {
  return titleOf({ name: name ?? null, tags: { title: title ?? null }, filename });
}

/** A recording in words; `model` is the one whose labels the map shows, null for the newest. */
export function pointText(point: MapPoint, model: string | null): string {
  return `${nameOf(point)}, ${labelOrWhy(point, model)}, ${time(point.duration_s, 0)}`;
}

/** The map as a sentence: how many recordings, and the largest labels. */
export function summaryText({ points, names }: Atlas): string {
  const largest = names.slice(0, LARGEST).map(({ label, members }) => `${labelText(label)} ${count(members.length)}`);
  const labelled = names.reduce((sum, { members }) => sum + members.length, 0);
  const rest = points.length - labelled;
  const more = names.length > LARGEST ? `, and ${names.length - LARGEST} more labels` : "";
  return [
    `${recordings(points.length)}${largest.length ? `: ${largest.join(", ")}${more}` : ""}`,
    ...(rest ? [`${count(rest)} without a label`] : []),
  ].join("; ").concat(".");
}

export function recordings(number: number): string {
  return `${count(number)} ${number === 1 ? "recording" : "recordings"}`;
}

export function count(number: number): string {
  return number.toLocaleString("en-GB");
}

function trustText(trust: number | null): string {
  if (trust === null) return "Recordings near each other sound alike as far as two directions can show.";
  if (trust >= GOOD) return `Recordings near each other sound alike: trustworthiness ${percent(trust)}.`;
  return `Some recordings near each other do not sound alike: trustworthiness ${percent(trust)}, where chance would give 50 %.`;
}
