import { useEffect } from "react";
import { useStore } from "../sound/store";
import type { SourceName } from "../sound/transport";
import { following, zoomed, zoomOf } from "../sound/view";
import { Choice, IconButton, Slider } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { time } from "../ui/format";
import { useDesk } from "../sound/desk";

/** Play, loop, what to hear, how close to look. At the page's bottom where the screen is small. */
export function TransportBar() {
  const { transport, durationS, view, setView } = useDesk();
  const { playing, waiting, source, ready, loop, problem } = useStore(transport.state);
  const options: { value: SourceName; text: string; disabled?: boolean }[] = [
    { value: "recording", text: "recording" },
    { value: "heard", text: "what the model heard", disabled: !ready.includes("heard") },
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
        label={loop ? `Loop ${time(loop.startS)} to ${time(loop.endS)}; let it go` : "Loop all that is seen"}
        aria-pressed={loop !== null}
        onClick={() => transport.setLoop(loop ? null : view)}
      />
      <Clock />
      <Choice label="What to hear" value={source} options={options} onChange={(name) => transport.switchTo(name)} />
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
        said={`${time(view.startS)} to ${time(view.endS)}`}
        onChange={(zoom) => {
          const now = transport.time.get();
          const around = now >= view.startS && now <= view.endS ? now : (view.startS + view.endS) / 2;
          setView(zoomed(view, zoom, around, durationS));
        }}
      />
    </div>
  );
}

function Clock() {
  const { transport, durationS, view, setView } = useDesk();
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
