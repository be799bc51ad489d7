import { useEffect } from "react";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { following, zoomed, zoomOf } from "../sound/view";
import { Choice, IconButton, Slider } from "../ui/controls";
import { time } from "../ui/format";
import { Folded, Speed, Volume } from "../track/PlaybackControls";
import { SOUNDS } from "./Side";

/** The player of a comparison: play, loop, which side is heard, and zoom. `same` says that both sides are one recording. */
export function CompareBar({ names, same }: { names: readonly [string, string]; same: boolean }) {
  const { transport, durationS, view, setView } = useTimeAxis();
  const { playing, waiting, source, loop, problem } = useStore(transport.state);
  const on = playing || waiting;
  const now = useStore(transport.time);
  useEffect(() => {
    if (playing && (now < view.startS || now > view.endS)) setView(following(view, now, durationS));
  }, [playing, now, view, durationS, setView]);
  const around = now >= view.startS && now <= view.endS ? now : (view.startS + view.endS) / 2;
  return (
    <div className="transport" role="group" aria-label="Player">
      <IconButton className="button--main button--round" icon={on ? "pause" : "play"} label={on ? "Pause" : "Play"} onClick={() => void transport.toggle()} />
      <IconButton
        icon="loop"
        label={loop ? `Remove the loop from ${time(loop.startS)} to ${time(loop.endS)}` : "Loop the visible range"}
        aria-pressed={loop !== null}
        onClick={() => transport.setLoop(loop ? null : view)}
      />
      <span className="clock" role="timer" aria-label="Position">
        {time(now)} <span className="quiet">/ {time(durationS)}</span>
      </span>
      {same ? null : (
        <Choice
          label="Which is heard"
          value={source}
          options={SOUNDS.map((value, at) => ({ value, text: `${at === 0 ? "A" : "B"}: ${names[at]}` }))}
          onChange={(name) => transport.switchTo(name)}
        />
      )}
      {problem ? (
        <span className="transport__problem" role="alert">
          {problem}
        </span>
      ) : null}
      <Slider
        className="transport__zoom"
        label="zoom"
        min={0}
        max={1}
        step={0.01}
        value={zoomOf(view, durationS)}
        valueText={`${time(view.startS)} to ${time(view.endS)}`}
        onChange={(zoom) => setView(zoomed(view, zoom, around, durationS))}
      />
      <Folded label="Volume and speed">
        <Volume />
        <Speed />
      </Folded>
    </div>
  );
}
