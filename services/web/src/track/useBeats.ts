import { useMemo } from "react";
import type { Beats } from "../sound/clickedSource";
import { useTrackState } from "../state/TrackStateProvider";
import { useArrays } from "./queries";

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
