import { useMemo } from "react";
import { shownTimes } from "../sound/beats";
import { toX } from "../sound/view";
import { useTimeAxis } from "../sound/timeAxis";
import { useTrackState } from "../state/TrackStateProvider";
import { useArrays } from "./queries";

const NONE: ArrayLike<number> = [];

/** Beats as ticks below the plots, those that start a bar longer; where they are too dense, only these, then none. */
export function BeatMarks() {
  const { view, width } = useTimeAxis();
  const described = useTrackState().state.result("describe");
  const arrays = useArrays(described?.beats).data;
  const beats = arrays?.get("beats_s")?.values ?? NONE;
  const downbeats = arrays?.get("downbeats_s")?.values ?? NONE;
  const shown = useMemo(() => shownTimes(beats, downbeats, view, width), [beats, downbeats, view, width]);
  if (beats.length === 0) return null;
  const text = `${beats.length} beats, ${downbeats.length} of them start a bar`;
  return (
    <div className="beats" role="img" aria-label={text} title={text}>
      {shown.map(({ timeS, down }) => (
        <span key={timeS} className={down ? "beat beat--down" : "beat"} style={{ left: toX(timeS, view, width) }} />
      ))}
    </div>
  );
}
