import { useMemo } from "react";
import { segments } from "../sound/segments";
import { toX } from "../sound/view";
import { percent, time, labelText } from "../ui/format";
import { useTimeAxis } from "../sound/timeAxis";
import { useTrackState } from "../state/TrackStateProvider";

const ROOM_PX = 36;

/** The labels over time, window by window. */
export function LabelStrip() {
  const classified = useTrackState().state.result("classify");
  const { durationS, view, width } = useTimeAxis();
  const found = useMemo(() => (classified ? segments(classified.windows, durationS) : []), [classified, durationS]);
  const winner = classified && !classified.unknown ? classified.top[0]?.label : null;
  return (
    <ol className="plot plot--labels" aria-label="Labels over time">
      {found.map((segment) => {
        const left = Math.max(0, toX(segment.startS, view, width));
        const right = Math.min(width, toX(segment.endS, view, width));
        if (right <= left) return null;
        const name = segment.label ? labelText(segment.label) : "unknown";
        const when = `${time(segment.startS)} to ${time(segment.endS)}`;
        const text = `${name}${segment.label ? ` ${percent(segment.probability)}` : ""}, ${when}`;
        const kind = segment.label === null ? "label--unknown" : segment.label === winner ? "label--winner" : "";
        return (
          <li key={segment.startS} className={`label ${kind}`} style={{ left, width: right - left }} title={text}>
            <span className="unseen">{text}</span>
            <span aria-hidden="true">{right - left > ROOM_PX ? name : ""}</span>
          </li>
        );
      })}
    </ol>
  );
}
