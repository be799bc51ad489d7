import { useMemo } from "react";
import type { Beats } from "../sound/clickTrack";
import type { Bars } from "../sound/loops";
import { useTrackState } from "../state/TrackStateProvider";
import { useArrays } from "./queries";

const NONE: Bars = [];

/** Where the recording's bars start, in seconds; empty where they are not known. */
export function useBars(): Bars {
  return useBeats()?.downbeats ?? NONE;
}

/** The beats of the recording; null without any, and until they have loaded. */
export function useBeats(): Beats | null {
  const described = useTrackState().state.result("describe");
  const arrays = useArrays(described?.beats).data;
  return useMemo(() => {
    const beats = arrays?.get("beats_s")?.values;
    const downbeats = arrays?.get("downbeats_s")?.values ?? [];
    return beats?.length ? { beats, downbeats } : null;
  }, [arrays]);
}
