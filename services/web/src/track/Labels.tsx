import { useMemo } from "react";
import { segments } from "../sound/segments";
import { toX } from "../sound/view";
import { percent, time, words } from "../ui/format";
import { useDesk } from "../sound/desk";
import { useTrackState } from "../state/TrackStateProvider";

const ROOM_PX = 36;

/** What is heard when, window by window. */
export function Labels() {
  const classified = useTrackState().state.result("classify");
  const { durationS, view, width } = useDesk();
  const found = useMemo(() => (classified ? segments(classified.windows, durationS) : []), [classified, durationS]);
  const winner = classified && !classified.unknown ? classified.top[0]?.label : null;
  return (
    <ol className="plot plot--labels" aria-label="What is heard when">
      {found.map((segment) => {
        const left = Math.max(0, toX(segment.startS, view, width));
        const right = Math.min(width, toX(segment.endS, view, width));
        if (right <= left) return null;
        const name = segment.label ? words(segment.label) : "unknown";
        const when = `${time(segment.startS)} to ${time(segment.endS)}`;
        const said = `${name}${segment.label ? ` ${percent(segment.probability)}` : ""}, ${when}`;
        const kind = segment.label === null ? "label--unknown" : segment.label === winner ? "label--winner" : "";
        return (
          <li key={segment.startS} className={`label ${kind}`} style={{ left, width: right - left }} title={said}>
            <span className="unseen">{said}</span>
            <span aria-hidden="true">{right - left > ROOM_PX ? name : ""}</span>
          </li>
        );
      })}
    </ol>
  );
}
