import type { Track } from "../api/client";
import { keepAs } from "../api/download";
import type { SaidLabel } from "../sound/segments";
import { useTimeAxis } from "../sound/timeAxis";
import { unheardText } from "../state/absent";
import type { Explanation } from "../state/explanation";
import { useTrackState } from "../state/TrackStateProvider";
import { downloadName, shownFilename } from "../ui/format";
import { shownPictures } from "./pictures";
import { reportOf } from "./report";

/** A function that saves a report of what the page shows now, and of what the owner `said`, as a file. */
export function useReport(track: Track, { explained, trust }: Explanation, said: readonly SaidLabel[]): () => void {
  const { state } = useTrackState();
  const { view } = useTimeAxis();
  return () => {
    const text = reportOf({
      track,
      said,
      classified: state.classified,
      unheard: unheardText(state),
      explained,
      trust,
      described: state.result("describe"),
      separated: state.result("separate"),
      pictures: shownPictures(view),
      madeAt: new Date(),
    });
    keepAs(new Blob([text], { type: "text/html" }), downloadName(shownFilename(track), "report.html"));
  };
}
