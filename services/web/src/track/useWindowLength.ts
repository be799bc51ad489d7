import { useTrackState } from "../state/TrackStateProvider";

/** The length of a window of the classification in seconds, to a tenth; null without one. */
export function useWindowLength(): number | null {
  const window = useTrackState().state.classified?.windows[0];
  return window ? Number((window.end_s - window.start_s).toFixed(1)) : null;
}
