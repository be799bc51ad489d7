import { useKeys } from "../ui/keys";
import { type Bars, changed, lengthText, loopAt } from "../sound/loops";
import { speedText } from "../sound/settings";
import { following, zoomed, zoomOf } from "../sound/view";
import { percent } from "../ui/format";
import { announce } from "../ui/live";
import type { TimeAxis } from "../sound/timeAxis";

const ZOOM_STEP = 0.1;
const VOLUME_STEP = 0.1;
const SPEED_STEP = 0.05;

/** Does what a key means; false where it means nothing now. */
type Action = () => unknown;

/** The page's keys: space plays, arrows seek, brackets loop. `bars` give loops their lengths. */
export function useTransportKeys(axis: TimeAxis, bars: Bars): void {
  useKeys((event) => {
    const known = { ...moves(axis, event.shiftKey), ...settings(axis, event.shiftKey), ...loops(axis, bars) };
    const action = known[event.key];
    return action !== undefined && action() !== false;
  });
}

function moves({ transport, durationS, view, setView }: TimeAxis, far: boolean): Record<string, Action> {
  const now = transport.time.get();
  const seek = (toS: number) => {
    transport.seek(toS);
    setView(following(view, transport.time.get(), durationS));
  };
  const zoom = (by: number) => {
    setView(zoomed(view, zoomOf(view, durationS) + by, Math.min(view.endS, Math.max(view.startS, now)), durationS));
  };
  const step = far ? 5 : 1;
  return {
    " ": () => void transport.toggle(),
    ArrowLeft: () => seek(now - step),
    ArrowRight: () => seek(now + step),
    Home: () => seek(0),
    End: () => seek(durationS),
    "+": () => zoom(ZOOM_STEP),
    "=": () => zoom(ZOOM_STEP),
    "-": () => zoom(-ZOOM_STEP),
    x: () => {
      if (!transport.state.get().ready.includes("evidence")) return;
      const to = transport.state.get().source === "evidence" ? "recording" : "evidence";
      transport.switchTo(to);
      announce(to === "evidence" ? "Evidence only" : "Recording");
    },
  };
}

/** Volume and speed. The arrows change the volume with Shift only: without it they scroll. */
function settings({ transport }: TimeAxis, shifted: boolean): Record<string, Action> {
  const { volume, speed, muted } = transport.sound.get();
  const louder = (by: number) => {
    if (!shifted) return false;
    transport.setSound({ volume: volume + by, muted: false });
    announce(`Volume ${percent(transport.sound.get().volume)}`);
    return true;
  };
  const faster = (by: number) => {
    transport.setSound({ speed: speed + by });
    announce(`Speed ${speedText(transport.sound.get().speed)}`);
  };
  return {
    ArrowUp: () => louder(VOLUME_STEP),
    ArrowDown: () => louder(-VOLUME_STEP),
    "<": () => faster(-SPEED_STEP),
    ">": () => faster(SPEED_STEP),
    m: () => {
      transport.setSound({ muted: !muted });
      announce(muted ? "Not muted" : "Muted");
    },
  };
}

function loops({ transport, durationS }: TimeAxis, bars: Bars): Record<string, Action> {
  const now = transport.time.get();
  const { loop } = transport.state.get();
  const set = (to: typeof loop) => {
    transport.setLoop(to);
    announce(to ? `Loop of ${lengthText(to, bars)}` : "No loop");
  };
  return {
    "[": () => transport.setLoop({ startS: now, endS: loop?.endS ?? durationS }),
    "]": () => transport.setLoop(loop && Math.abs(loop.endS - now) < 0.05 ? null : { startS: loop?.startS ?? 0, endS: now }),
    l: () => set(loop ? null : loopAt(now, bars, durationS)),
    "{": () => loop !== null && set(changed(loop, -1, bars, durationS)),
    "}": () => loop !== null && set(changed(loop, 1, bars, durationS)),
    Escape: () => loop !== null && set(null),
  };
}
