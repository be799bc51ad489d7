import { Skeleton } from "../ui/controls";
import { labelText, percent } from "../ui/format";
import { KindMark } from "../ui/Kind";
import type { Explanation } from "../state/explanation";
import { answersOf } from "../state/models";
import type { ResultOf } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";
import { Tags } from "./Tags";

/** What is heard, in one line: its kind, the label that counts, and what other models add. Nothing before a classification. */
export function Heard({ explanation }: { explanation: Explanation }) {
  const { state, loaded } = useTrackState();
  const { classified } = state;
  if (!loaded) return <Skeleton height={32} />;
  if (!classified) return null;
  const [, ...others] = answersOf(classified);
  const silent = classified.kind === "silence";
  return (
    <section className="heard" aria-label="What is heard">
      {classified.kind ? <KindMark kind={classified.kind} /> : null}
      {silent ? null : <Best classified={classified} />}
      {silent ? null : others.map((answer) => <Tags key={answer.model.name} answer={answer} explanation={explanation} />)}
    </section>
  );
}

function Best({ classified: { top, unknown } }: { classified: ResultOf<"classify"> }) {
  const [best] = top;
  if (!best) return null;
  if (unknown) return <span className="quiet">no label is likely enough ({labelText(best.label)} is the nearest)</span>;
  return (
    <strong className="heard__label">
      {labelText(best.label)} <span className="quiet">{percent(best.probability)}</span>
    </strong>
  );
}
