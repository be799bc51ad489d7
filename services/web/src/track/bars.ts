import type { Bars } from "../sound/loops";
import { useTrackState } from "../state/TrackStateProvider";
import { useArrays } from "./queries";

const NONE: Bars = [];

/** Where the recording's bars start, in seconds; empty where they are not known. */
export function useBars(): Bars {
  const described = useTrackState().state.result("describe");
  return useArrays(described?.beats).data?.get("downbeats_s")?.values ?? NONE;
}
