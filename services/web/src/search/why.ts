import type { MatchedLabel, SearchAnswer } from "../api/client";
import { labelText } from "../ui/format";
import type { Unit } from "./query";

/** Labels by their text, each once as it is most probable, whichever models have it; the most probable first. */
export function eachOnce(labels: readonly MatchedLabel[]): MatchedLabel[] {
  const byText = new Map<string, MatchedLabel>();
  for (const label of [...labels].sort((one, other) => other.probability - one.probability)) {
    const text = labelText(label.label).toLowerCase();
    if (!byText.has(text)) byText.set(text, label);
  }
  return [...byText.values()];
}

/** Recordings that a search could not look at. */
export type LeftOut = {
  /** How many there are, and why. */
  text: string;
  /** What helps: vectors in the space that is searched, or an analysis that keeps moments. */
  cure: "embed" | "analyse";
};

/** What was left out of a search and why; null where nothing was. Words are compared with moments, whatever is found. */
export function leftOut({ coverage, query }: Pick<SearchAnswer, "coverage" | "query">, unit: Unit): LeftOut | null {
  const left = coverage.of - coverage.tracks;
  if (left <= 0) return null;
  const [are, them] = left === 1 ? ["1 recording is", "it"] : [`${left.toLocaleString("en")} recordings are`, "them"];
  if (!query.space) return { text: `${are} not searched: no moments of ${them} are kept yet.`, cure: "analyse" };
  const lacking = unit === "moment" ? `no moments of ${them} are` : left === 1 ? "it is not" : "they are not";
  return { text: `${are} not searched: ${lacking} embedded by ${query.space.name} yet.`, cure: "embed" };
}
