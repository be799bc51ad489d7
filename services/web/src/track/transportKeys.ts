import { useKeys } from "../ui/keys";
import { following, zoomed, zoomOf } from "../sound/view";
import { announce } from "../ui/live";
import type { Desk } from "../sound/desk";

const ZOOM_STEP = 0.1;

/** The page's keys: space plays, arrows seek, brackets loop. */
export function useTransportKeys(desk: Desk): void {
  useKeys((event) => {
    const action = actions(desk, event.shiftKey)[event.key];
    if (!action) return false;
    action();
    return true;
  });
}

function actions({ transport, durationS, view, setView }: Desk, far: boolean): Record<string, () => void> {
  const now = transport.time.get();
  const seek = (toS: number) => {
    transport.seek(toS);
    setView(following(view, transport.time.get(), durationS));
  };
  const zoom = (by: number) => {
    const to = Math.min(1, Math.max(0, zoomOf(view, durationS) + by));
    setView(zoomed(view, to, Math.min(view.endS, Math.max(view.startS, now)), durationS));
  };
  const step = far ? 5 : 1;
  return {
    " ": () => void transport.toggle(),
    ArrowLeft: () => seek(now - step),
    ArrowRight: () => seek(now + step),
    Home: () => seek(0),
    End: () => seek(durationS),
    "[": () => transport.setLoop({ startS: now, endS: transport.state.get().loop?.endS ?? durationS }),
    "]": () => {
      const { loop } = transport.state.get();
      transport.setLoop(loop && Math.abs(loop.endS - now) < 0.05 ? null : { startS: loop?.startS ?? 0, endS: now });
    },
    "+": () => zoom(ZOOM_STEP),
    "=": () => zoom(ZOOM_STEP),
    "-": () => zoom(-ZOOM_STEP),
    x: () => {
      if (!transport.state.get().ready.includes("heard")) return;
      const to = transport.state.get().source === "heard" ? "recording" : "heard";
      transport.switchTo(to);
      announce(to === "heard" ? "What the model heard" : "The recording");
    },
  };
}
