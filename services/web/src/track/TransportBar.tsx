import { useEffect } from "react";
import { useStore } from "../sound/store";
import type { SourceName } from "../sound/transport";
import { following, zoomed, zoomOf } from "../sound/view";
import { Choice, IconButton, Slider } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { time } from "../ui/format";
import { useTimeAxis } from "../sound/timeAxis";
import { Folded, PlaybackControls } from "./PlaybackControls";

/** The player: play, loop, sound, zoom, and how it is played. At the page's bottom on small screens. */
export function TransportBar() {
  const { transport, durationS, view, setView } = useTimeAxis();
  const { playing, waiting, source, ready, loop, problem } = useStore(transport.state);
  const options: { value: SourceName; text: string; disabled?: boolean }[] = [
    { value: "recording", text: "recording" },
    { value: "evidence", text: "evidence only", disabled: !ready.includes("evidence") },
  ];
  if (ready.includes("stems")) options.push({ value: "stems", text: "stems" });
  return (
    <div className="transport" role="group" aria-label="Player">
      <button
        type="button"
        className="button button--main button--round"
        aria-label={playing || waiting ? "Pause" : "Play"}
        aria-busy={waiting}
        onClick={() => void transport.toggle()}
      >
        <Icon name={playing || waiting ? "pause" : "play"} />
      </button>
      <IconButton
        icon="loop"
        label={loop ? `Remove the loop from ${time(loop.startS)} to ${time(loop.endS)}` : "Loop the visible range"}
        aria-pressed={loop !== null}
        onClick={() => transport.setLoop(loop ? null : view)}
      />
      <Clock />
      <Choice label="Sound" value={source} options={options} onChange={(name) => transport.switchTo(name)} />
      {waiting ? <span className="small quiet">loading the recording …</span> : null}
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
        onChange={(zoom) => {
          const now = transport.time.get();
          const around = now >= view.startS && now <= view.endS ? now : (view.startS + view.endS) / 2;
          setView(zoomed(view, zoom, around, durationS));
        }}
      />
      <Folded label="Volume, speed and length of the loop">
        <PlaybackControls />
      </Folded>
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
