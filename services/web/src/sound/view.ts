/** The visible range of a recording, in seconds. */
export type View = { startS: number; endS: number };

/** The closest zoom: a few samples on each centimetre. */
export const CLOSEST_S = 0.005;

export function whole(durationS: number): View {
  return { startS: 0, endS: Math.max(durationS, 1e-3) };
}

/** The position of a time, in pixels from the left edge of a plot. */
export function toX(timeS: number, view: View, width: number): number {
  return ((timeS - view.startS) / (view.endS - view.startS)) * width;
}

/** The time at a pixel, in seconds. */
export function toTime(x: number, view: View, width: number): number {
  return view.startS + (x / Math.max(1, width)) * (view.endS - view.startS);
}

/** The view at a zoom from 0, everything, to 1, the closest, or at the nearest that there is; the time `aroundS` stays where it is. */
export function zoomed(view: View, zoom: number, aroundS: number, durationS: number): View {
  const span = spanAt(Math.min(1, Math.max(0, zoom)), durationS);
  const share = (aroundS - view.startS) / (view.endS - view.startS);
  return held({ startS: aroundS - share * span, endS: aroundS + (1 - share) * span }, durationS);
}

/** The zoom of a view, the inverse of `zoomed`. */
export function zoomOf(view: View, durationS: number): number {
  const closest = Math.min(CLOSEST_S, durationS);
  if (durationS <= closest) return 0;
  const zoom = Math.log((view.endS - view.startS) / durationS) / Math.log(closest / durationS);
  return Math.min(1, Math.max(0, zoom));
}

export function panned(view: View, byS: number, durationS: number): View {
  return held({ startS: view.startS + byS, endS: view.endS + byS }, durationS);
}

/** The same view when it holds a time, else the view moved so that it starts there. */
export function following(view: View, timeS: number, durationS: number): View {
  if (timeS >= view.startS && timeS <= view.endS) return view;
  return panned(view, timeS - view.startS, durationS);
}

/** Round times for the axis of a plot, at least `apart` pixels from each other. */
export function ticks(view: View, width: number, apart = 80): number[] {
  const least = ((view.endS - view.startS) * apart) / Math.max(1, width);
  const step = STEPS_S.find((one) => one >= least) ?? STEPS_S.at(-1) ?? 1;
  const found: number[] = [];
  for (let at = Math.ceil(view.startS / step - 1e-6); at * step <= view.endS + 1e-9; at += 1) found.push(at * step);
  return found;
}

const STEPS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];

function spanAt(zoom: number, durationS: number): number {
  const closest = Math.min(CLOSEST_S, durationS);
  return durationS * (closest / durationS) ** zoom;
}

function held({ startS, endS }: View, durationS: number): View {
  const span = Math.min(endS - startS, durationS);
  const start = Math.min(Math.max(0, startS), durationS - span);
  return { startS: start, endS: start + span };
}
