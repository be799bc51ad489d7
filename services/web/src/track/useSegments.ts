import { useMemo } from "react";
import { type LabelColour, labelColours } from "../sound/labelColours";
import { corrected, type Segment, segments } from "../sound/segments";
import { useTimeAxis } from "../sound/timeAxis";
import { useTrackState } from "../state/TrackStateProvider";
import { labelText, percent } from "../ui/format";
import { useSaid } from "./said";

export type Segments = { found: readonly Segment[]; labels: readonly LabelColour[]; colourOf: (label: string | null) => string };

/** The labels over time, those that the owner confirmed of stretches and those that are predicted, and the colour of each. */
export function useSegments(): Segments {
  const { classified } = useTrackState().state;
  const { durationS } = useTimeAxis();
  const said = useSaid();
  return useMemo(() => {
    const found = corrected(segments(classified?.windows ?? [], durationS), said);
    const labels = labelColours(found);
    const colours = new Map(labels.map(({ label, colour }) => [label, colour]));
    const colourOf = (label: string | null) => {
      if (label === null) return "none";
      return `var(--label-${colours.get(label) ?? "other"})`;
    };
    return { found, labels, colourOf };
  }, [classified, durationS, said]);
}

export function nameOf({ label, silent }: Pick<Segment, "label" | "silent">): string {
  if (silent) return "silence";
  return label === null ? "unknown" : labelText(label);
}

/** What tells segments apart. */
export function keyOf({ startS, endS, label, confirmed }: Segment): string {
  return JSON.stringify([startS, confirmed ? endS : null, confirmed ? label : null]);
}

/** The probability of a segment's label, as text; nothing without a label, and where its owner confirmed it. */
export function chanceOf({ label, probability, confirmed }: Segment): string {
  return label === null || confirmed ? "" : percent(probability);
}

/** What is heard in a segment and by which model, as text: `music by genre-10`. */
export function kindOf({ kind, model, silent }: Segment): string {
  return kind && !silent ? `${kind}${model ? ` by ${model}` : ""}` : "";
}
