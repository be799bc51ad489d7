import { type ReactNode, useEffect } from "react";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { following, zoomed, zoomOf } from "../sound/view";
import { IconButton, Slider } from "../ui/controls";
import { time } from "../ui/format";
import { Folded } from "./PlaybackControls";

type Props = {
  /** The choice of what is heard. */
  sounds: ReactNode;
  /** The name of the controls that small screens fold away. */
  folded: string;
  children: ReactNode;
};

/** The player: play, loop, sound, zoom, and how it is played. At the page's bottom on small screens. */
export function Player({ sounds, folded, children }: Props) {
  const { transport, view } = useTimeAxis();
  const { playing, waiting, loop, problem } = useStore(transport.state);
  const on = playing || waiting;
  return (
    <div className="transport" role="group" aria-label="Player">
      <IconButton
        className="button--main button--round"
        icon={on ? "pause" : "play"}
        label={on ? "Pause" : "Play"}
        aria-busy={waiting}
        onClick={() => void transport.toggle()}
      />
      <IconButton
        icon="loop"
        label={loop ? `Remove the loop from ${time(loop.startS)} to ${time(loop.endS)}` : "Loop the visible range"}
        aria-pressed={loop !== null}
        onClick={() => transport.setLoop(loop ? null : view)}
      />
      <Clock />
      {sounds}
      {waiting ? <span className="small quiet">loading the recording …</span> : null}
      {problem ? (
        <span className="transport__problem" role="alert">
          {problem}
        </span>
      ) : null}
      <Zoom />
      <Folded label={folded}>{children}</Folded>
    </div>
  );
}

function Clock() {
  const { transport, durationS, view, setView } = useTimeAxis();
  const now = useStore(transport.time);
  const { playing } = useStore(transport.state);
  useEffect(() => {
    if (playing && (now < view.startS || now > view.endS)) setView(following(view, now, durationS));
  }, [playing, now, view, durationS, setView]);
  return (
    <span className="clock" role="timer" aria-label="Position">
      {time(now)} <span className="quiet">/ {time(durationS)}</span>
    </span>
  );
}

function Zoom() {
  const { transport, durationS, view, setView } = useTimeAxis();
  return (
    <Slider
      className="transport__zoom"
      label="zoom"
      min={0}
      max={1}
      step={0.01}
      value={zoomOf(view, durationS)}
      valueText={`${time(view.startS)} to ${time(view.endS)}`}
      onChange={(zoom) => {
        const now = transport.time.get();
        const around = now >= view.startS && now <= view.endS ? now : (view.startS + view.endS) / 2;
        setView(zoomed(view, zoom, around, durationS));
      }}
    />
  );
}
