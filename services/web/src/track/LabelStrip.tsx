import { type CSSProperties, useMemo } from "react";
import type { Segment } from "../sound/segments";
import { useTimeAxis } from "../sound/timeAxis";
import { toX } from "../sound/view";
import { kindsHeard } from "../state/models";
import { useTrackState } from "../state/TrackStateProvider";
import { labelText, time } from "../ui/format";
import { Icon } from "../ui/Icon";
import { kindText } from "../ui/Kind";
import "./labels.css";
import { chanceOf, keyOf, kindOf, nameOf, useSegments } from "./useSegments";
import { useWindowLength } from "./useWindowLength";

const TICK_PX = 24;
const NAME_PX = 36;
const CHANCE_PX = 110;

/** The labels over time, window by window, each label in its own colour; those that were confirmed lie on the others. */
export function LabelStrip() {
  const { classified } = useTrackState().state;
  const { view, width } = useTimeAxis();
  const { found, colourOf } = useSegments();
  const windowS = useWindowLength();
  const winner = classified && !classified.unknown ? (classified.top[0]?.label ?? null) : null;
  return (
    <ol className="plot plot--labels" aria-label="Labels over time">
      {found.map((segment) => {
        const left = Math.max(0, toX(segment.startS, view, width));
        const right = Math.min(width, toX(segment.endS, view, width));
        if (right <= left) return null;
        const text = textOf(segment, windowS);
        const room = right - left;
        return (
          <li
            key={keyOf(segment)}
            className={`label ${lookOf(segment, winner)}`}
            style={{ left, width: room, "--label": colourOf(segment.label) } as CSSProperties}
            title={text}
          >
            <span className="unseen">{text}</span>
            <span aria-hidden="true">
              {segment.confirmed && room > TICK_PX ? <Icon name="check" size={14} /> : null}
              {room > NAME_PX ? nameOf(segment) : ""} {room > CHANCE_PX ? <span className="quiet">{chanceOf(segment)}</span> : null}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** The labels on the strip with their colours, the longest first, then which model answers for which kind of sound, and what the numbers are of. */
export function LabelLegend() {
  const { classified } = useTrackState().state;
  const { found, labels, colourOf } = useSegments();
  const windowS = useWindowLength();
  const kinds = useMemo(() => kindsHeard(classified?.windows ?? []), [classified]);
  if (labels.length === 0 && kinds.length === 0) return null;
  const own = labels.filter(({ colour }) => colour !== null);
  const others = labels.length - own.length;
  return (
    <ul className="legend small" aria-label="Colours of the labels">
      {own.map(({ label }) => (
        <li key={label} className="legend__label" style={{ "--label": colourOf(label) } as CSSProperties}>
          {labelText(label)}
        </li>
      ))}
      {others ? (
        <li className="legend__label" style={{ "--label": "var(--label-other)" } as CSSProperties}>
          {others} other {others === 1 ? "label" : "labels"}
        </li>
      ) : null}
      {found.some(({ confirmed }) => confirmed) ? (
        <li className="legend__confirmed">
          <Icon name="check" size={14} /> confirmed
        </li>
      ) : null}
      {kinds.map(({ kind, models }) => (
        <li key={kind} className="quiet">
          {kindText(kind)}
          {models.length ? ` by ${models.join(" and ")}` : null}
        </li>
      ))}
      {found.some(({ label, confirmed }) => label !== null && !confirmed) ? <li className="quiet">each % is of one window of {windowS} s</li> : null}
    </ul>
  );
}

/** What a segment is, in words: `jazz 64 % in one window of 5 s, music by genre-10, 0:00.0 to 0:03.2`, or `jazz, confirmed, 0:00.0 to 0:03.2`. */
function textOf(segment: Segment, windowS: number | null): string {
  const chance = chanceOf(segment);
  const what = chance ? `${nameOf(segment)} ${chance} in one window of ${windowS} s` : nameOf(segment);
  return [what, segment.confirmed && "confirmed", kindOf(segment), `${time(segment.startS)} to ${time(segment.endS)}`].filter(Boolean).join(", ");
}

function lookOf({ label, confirmed }: Segment, winner: string | null): string {
  if (confirmed) return "label--confirmed";
  if (label === null) return "label--unknown";
  return label === winner ? "label--winner" : "";
}
