import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { Explanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { useTrackState } from "../state/TrackStateProvider";
import { Button } from "../ui/controls";
import { labelText, time } from "../ui/format";
import { AROUND_S, heardIn, stretchAt } from "./stretches";

/** Asks for the evidence at the playhead, or in the loop, for what is heard there. Nothing for whoever can ask for none. */
export function WhyHere({ explanation }: { explanation: Explanation }) {
  const { transport, durationS } = useTimeAxis();
  const { classified } = useTrackState().state;
  const { loop } = useStore(transport.state);
  const now = useStore(transport.time);
  const mayWrite = useMayWrite();
  if (!mayWrite || !classified || durationS <= AROUND_S) return null;
  const stretch = stretchAt(now, loop, durationS);
  const heard = heardIn(classified, stretch);
  const where = `${time(stretch.startS)} – ${time(stretch.endS)}`;
  return (
    <>
      <Button
        disabled={!heard}
        title={heard ? `Show why ${heard.model} hears ${labelText(heard.label)} there` : "Only silence is heard there"}
        onClick={() => heard && explanation.choose({ ...heard, stretch })}
      >
        {heard ? "Why here?" : "Silence here"} <span className="small quiet">{where}</span>
      </Button>
      {explanation.reset ? <Button onClick={explanation.reset}>Back to the recording's own evidence</Button> : null}
    </>
  );
}
