import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Task } from "../api/client";
import { useSubmit } from "../state/submit";
import { useTrackState } from "../state/TrackStateProvider";

/** Measures the recording: anew where an earlier release did, which kept less of it. `said` is what came of it, and `problem` why it could not be. */
export function useMeasuring(trackId: string) {
  const queries = useQueryClient();
  const { state } = useTrackState();
  const { submitAndWait, submitting, problem } = useSubmit(trackId);
  const [said, setSaid] = useState("");
  const measured = state.has("describe");
  const measure = async () => {
    setSaid("");
    const { tasks } = await submitAndWait({ tasks: ["describe"] });
    const kept = isUnchanged(measured, tasks);
    if (!kept) await Promise.all(["waveform", "spectrogram"].map((name) => queries.invalidateQueries({ queryKey: [name, trackId] })));
    setSaid(kept ? "This release has measured it already: nothing has changed." : "It is measured.");
  };
  return {
    measured,
    going: submitting || state.isGoing("describe"),
    said,
    problem,
    measure: () => void measure().catch(() => undefined),
  };
}

/** Whether a job changed nothing of what the page had; what was not `measured` before is new to it, also from the cache. */
export function isUnchanged(measured: boolean, tasks: readonly Pick<Task, "cached">[]): boolean {
  return measured && tasks.every(({ cached }) => cached);
}
