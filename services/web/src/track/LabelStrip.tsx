import { useMemo } from "react";
import { type Segment, segments } from "../sound/segments";
import { toX } from "../sound/view";
import { percent, time, labelText } from "../ui/format";
import { kindText } from "../ui/Kind";
import { useTimeAxis } from "../sound/timeAxis";
import { kindsHeard } from "../state/models";
import { useTrackState } from "../state/TrackStateProvider";

const ROOM_PX = 36;

/** The labels over time, window by window, in the colour of what is heard there. */
export function LabelStrip() {
  const { classified } = useTrackState().state;
  const { durationS, view, width } = useTimeAxis();
  const found = useMemo(() => (classified ? segments(classified.windows, durationS) : []), [classified, durationS]);
  const winner = classified && !classified.unknown ? (classified.top[0]?.label ?? null) : null;
  return (
    <ol className="plot plot--labels" aria-label="Labels over time">
      {found.map((segment) => {
        const left = Math.max(0, toX(segment.startS, view, width));
        const right = Math.min(width, toX(segment.endS, view, width));
        if (right <= left) return null;
        const text = textOf(segment);
        return (
          <li key={segment.startS} className={`label ${lookOf(segment, winner)}`} style={{ left, width: right - left }} title={text}>
            <span className="unseen">{text}</span>
            <span aria-hidden="true">{right - left > ROOM_PX ? nameOf(segment) : ""}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** The kinds on the strip with their colours, and the models that answer for each. Nothing when models were named. */
export function KindLegend() {
  const { classified } = useTrackState().state;
  const kinds = useMemo(() => kindsHeard(classified?.windows ?? []), [classified]);
  if (kinds.length === 0) return null;
  return (
    <ul className="legend small quiet" aria-label="Kinds over time">
      {kinds.map(({ kind, models }) => (
        <li key={kind} className={`legend__kind kind--${kind}`}>
          {kindText(kind)}
          {models.length ? `, by ${models.join(" and ")}` : null}
        </li>
      ))}
    </ul>
  );
}

function nameOf({ label, silent }: Segment): string {
  if (silent) return "silence";
  return label === null ? "unknown" : labelText(label);
}

/** What a segment is, in words: `jazz 64 %, music by genre-10, 0:00.0 to 0:03.2`. */
function textOf(segment: Segment): string {
  const { startS, endS, label, probability, kind, model, silent } = segment;
  const name = `${nameOf(segment)}${label === null ? "" : ` ${percent(probability)}`}`;
  const heard = kind && !silent ? `, ${kind}${model ? ` by ${model}` : ""}` : "";
  return `${name}${heard}, ${time(startS)} to ${time(endS)}`;
}

function lookOf({ label, kind }: Segment, winner: string | null): string {
  const known = label === null ? "label--unknown" : label === winner ? "label--winner" : "";
  return kind ? `label--kind kind--${kind} ${known}` : known;
}
