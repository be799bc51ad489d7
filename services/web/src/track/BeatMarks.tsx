import { useMemo } from "react";
import { shownTimes } from "../sound/beats";
import { useTimeAxis } from "../sound/timeAxis";
import { toX } from "../sound/view";
import { Button } from "../ui/controls";
import "./measurements.css";
import { useBeats } from "./useBeats";
import type { Clicks } from "./useClicks";

const NONE: ArrayLike<number> = [];

/** Beats as ticks below the plots, those that start a bar longer; where they are too dense, only these, then none. */
export function BeatMarks() {
  const { view, width } = useTimeAxis();
  const { beats, downbeats } = useBeats() ?? { beats: NONE, downbeats: NONE };
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

/** The switch that lets beats be heard as clicks. Nothing where there are no beats. */
export function BeatClicks({ clicks: { on, setOn, blocked, said } }: { clicks: Clicks }) {
  if (!useBeats()) return null;
  return (
    <p className="row wrap small">
      <Button aria-pressed={on} disabled={blocked !== null && !on} onClick={() => setOn(!on)}>
        Click on the beats
      </Button>
      <span className="quiet" role="status">
        {blocked ?? said}
      </span>
    </p>
  );
}
