import { useMemo } from "react";
import { type LabelColour, labelColours } from "../sound/labelColours";
import { type Segment, segments } from "../sound/segments";
import { useTimeAxis } from "../sound/timeAxis";
import { useTrackState } from "../state/TrackStateProvider";
import { labelText, percent } from "../ui/format";

export type Segments = { found: readonly Segment[]; labels: readonly LabelColour[]; colourOf: (label: string | null) => string };

/** The labels of the recording over time, and the colour of each. */
export function useSegments(): Segments {
  const { classified } = useTrackState().state;
  const { durationS } = useTimeAxis();
  return useMemo(() => {
    const found = classified ? segments(classified.windows, durationS) : [];
    const labels = labelColours(found);
    const colours = new Map(labels.map(({ label, colour }) => [label, colour]));
    const colourOf = (label: string | null) => {
      if (label === null) return "none";
      return `var(--label-${colours.get(label) ?? "other"})`;
    };
    return { found, labels, colourOf };
  }, [classified, durationS]);
}

export function nameOf({ label, silent }: Pick<Segment, "label" | "silent">): string {
  if (silent) return "silence";
  return label === null ? "unknown" : labelText(label);
}

/** The probability of a segment's label, as text; nothing without a label. */
export function chanceOf({ label, probability }: Segment): string {
  return label === null ? "" : percent(probability);
}

/** What is heard in a segment and by which model, as text: `music by genre-10`. */
export function kindOf({ kind, model, silent }: Segment): string {
  return kind && !silent ? `${kind}${model ? ` by ${model}` : ""}` : "";
}
