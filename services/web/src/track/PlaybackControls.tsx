import { type ReactNode, useState } from "react";
import { changed, lengthText, loopAt } from "../sound/loops";
import { FASTEST, SLOWEST, speedText } from "../sound/settings";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { IconButton, Slider } from "../ui/controls";
import { percent } from "../ui/format";
import { useBars } from "./useBeats";
import "./transport.css";

/** Controls that small screens fold away behind a button; it says when nothing is heard. */
export function Folded({ label, children }: { label: string; children: ReactNode }) {
  const { transport } = useTimeAxis();
  const { muted } = useStore(transport.sound);
  const [open, setOpen] = useState(false);
  return (
    <>
      <IconButton
        className="transport__open"
        icon={muted ? "silence" : "sliders"}
        label={muted ? `${label}; muted` : label}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      />
      <div className={`transport__more ${open ? "transport__more--open" : ""}`}>{children}</div>
    </>
  );
}

/** How it is played: volume, speed, and the length of the loop. */
export function PlaybackControls() {
  return (
    <>
      <Volume />
      <Speed />
      <LoopLength />
    </>
  );
}

export function Volume() {
  const { transport } = useTimeAxis();
  const { volume, muted } = useStore(transport.sound);
  return (
    <span className="row">
      <IconButton
        icon={muted ? "silence" : "volume"}
        label={muted ? "Unmute" : "Mute"}
        aria-pressed={muted}
        onClick={() => transport.setSound({ muted: !muted })}
      />
      <Slider
        label="volume"
        hideLabel
        min={0}
        max={1}
        step={0.05}
        value={muted ? 0 : volume}
        valueText={muted ? "muted" : percent(volume)}
        onChange={(volume) => transport.setSound({ volume, muted: false })}
      />
    </span>
  );
}

export function Speed() {
  const { transport } = useTimeAxis();
  const { speed, keepsPitch } = useStore(transport.sound);
  return (
    <span className="row">
      <Slider
        label="speed"
        min={SLOWEST}
        max={FASTEST}
        step={0.05}
        value={speed}
        valueText={speedText(speed)}
        onChange={(speed) => transport.setSound({ speed })}
        onReset={() => transport.setSound({ speed: 1 })}
      />
      <output className="transport__number small">{speedText(speed)}</output>
      <label className="labelled">
        <input type="checkbox" checked={keepsPitch} onChange={(event) => transport.setSound({ keepsPitch: event.currentTarget.checked })} />
        keep the pitch
      </label>
    </span>
  );
}

/** The loop's length, by bars where they are known. */
function LoopLength() {
  const { transport, durationS } = useTimeAxis();
  const { loop } = useStore(transport.state);
  const bars = useBars();
  const unit = bars.length > 1 ? "bar" : "second";
  const change = (by: 1 | -1) => {
    const now = transport.state.get().loop;
    transport.setLoop(now ? changed(now, by, bars, durationS) : loopAt(transport.time.get(), bars, durationS));
  };
  return (
    <span className="row" role="group" aria-label="Length of the loop">
      <span className="small quiet">loop</span>
      <IconButton icon="minus" label={`Shorten the loop by a ${unit}`} disabled={!loop} onClick={() => change(-1)} />
      <output className="transport__number small">{loop ? lengthText(loop, bars) : "—"}</output>
      <IconButton icon="plus" label={loop ? `Lengthen the loop by a ${unit}` : `Loop the ${unit} here`} onClick={() => change(1)} />
    </span>
  );
}
