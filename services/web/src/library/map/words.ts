import { ago, percent, time, words } from "../../ui/format";
import type { LibraryMap, MapPoint } from "./queries";
import type { Atlas } from "./atlas";

const MOST_ON_MAP = 10_000;
const GOOD = 0.9;
const LARGEST = 12;

/** What the map does not show, or null when it shows everything. */
export function missingInWords({ drawn_at, missing, points = [] }: LibraryMap): string | null {
  if (!missing) return null;
  if (!drawn_at) return `There is no map yet. ${recordings(missing)} can be placed on it.`;
  if (points.length >= MOST_ON_MAP) {
    return `The map holds the ${count(MOST_ON_MAP)} newest recordings; ${count(missing)} are not on it or have changed.`;
  }
  return `${recordings(missing)} ${missing === 1 ? "is" : "are"} not on the map yet.`;
}

/** How it was drawn, when, and how far it can be believed. */
export function accountOf({ drawn_at, method, model, trustworthiness }: LibraryMap, now = Date.now()): string {
  const how = method === "umap" ? "by UMAP" : "along the two directions in which the recordings differ most";
  const drawn = `Drawn ${drawn_at ? ago(drawn_at, now) : ""} ${how}, from what ${model} hears.`;
  return `${drawn} ${trustInWords(trustworthiness ?? null)}`;
}

export function pointInWords({ filename, label, duration_s }: MapPoint): string {
  return `${filename}, ${label ? words(label) : "unknown"}, ${time(duration_s, 0)}`;
}

/** The map for whoever does not see it: how many recordings, and the largest labels. */
export function summaryOf({ points, names }: Atlas): string {
  const largest = names.slice(0, LARGEST).map(({ label, members }) => `${words(label)} ${count(members.length)}`);
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

function trustInWords(trust: number | null): string {
  if (trust === null) return "What is near here is near in sound as far as two directions can show it.";
  if (trust >= GOOD) return `What is near here is near in sound: ${percent(trust)} trustworthy.`;
  return `Not all that is near here is near in sound: ${percent(trust)} trustworthy, where 50 % would be chance.`;
}
