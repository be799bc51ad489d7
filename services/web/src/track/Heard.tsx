import type { Track } from "../api/client";
import { labelsInParts } from "../sound/segments";
import type { Explanation } from "../state/explanation";
import { answersOf } from "../state/models";
import type { ResultOf } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";
import { Skeleton } from "../ui/controls";
import { labelText, percent } from "../ui/format";
import { KindMark } from "../ui/Kind";
import { type SaidOfWhole, useSaidBy, useSaidOfWhole } from "./said";
import { Tags } from "./Tags";

const MOST_IN_PARTS = 4;

/** What is heard, in one line: its kind, the label that counts, and what other models add. Nothing before a classification or a label. */
export function Heard({ track, explanation }: { track: Track; explanation: Explanation }) {
  const { state, loaded } = useTrackState();
  const { classified } = state;
  const said = useSaidOfWhole(track);
  if (!loaded) return <Skeleton height={32} />;
  if (!classified && said.confirmed === null) return null;
  const others = classified && classified.kind !== "silence" ? answersOf(classified).slice(1) : [];
  return (
    <section className="heard" aria-label="What is heard">
      <Best said={said} />
      {others.map((answer) => (
        <Tags key={answer.model.name} answer={answer} rejected={said.rejected} explanation={explanation} />
      ))}
    </section>
  );
}

/** The kind, and the label that counts: the confirmed one where there is one, and then what the model said. */
export function Best({ said }: { said: SaidOfWhole }) {
  const { classified } = useTrackState().state;
  const by = useSaidBy();
  return (
    <>
      {classified?.kind ? <KindMark kind={classified.kind} /> : null}
      {said.confirmed === null ? null : (
        <strong className="heard__label">
          {labelText(said.confirmed)}
          <span className="quiet">, confirmed{by(said.confirmed)}</span>
        </strong>
      )}
      {classified && classified.kind !== "silence" ? <Predicted classified={classified} said={said} /> : null}
    </>
  );
}

function Predicted({ classified: { top, unknown, windows }, said }: { classified: ResultOf<"classify">; said: SaidOfWhole }) {
  const [best] = top;
  const by = useSaidBy();
  if (!best) return null;
  const inParts = unknown && said.confirmed === null ? labelsInParts(windows).filter((label) => !said.rejected.includes(label)) : [];
  if (inParts.length) return <InParts labels={inParts} />;
  const rejected = said.rejected.includes(best.label) ? `, rejected${by(best.label)}` : "";
  const counts = said.confirmed === null && !rejected;
  const text = unknown ? `no label is likely enough (${labelText(best.label)} is the nearest)` : `${labelText(best.label)} ${percent(best.probability)}`;
  if (!counts || unknown) return <span className="quiet">{`${counts ? "" : "model: "}${text}${rejected}`}</span>;
  return (
    <strong className="heard__label">
      {labelText(best.label)} <span className="quiet">{percent(best.probability)}</span>
    </strong>
  );
}

/** Where no label holds for the whole recording: what is heard in parts of it. */
function InParts({ labels }: { labels: readonly string[] }) {
  const more = labels.length - MOST_IN_PARTS;
  return (
    <strong className="heard__label">
      {labels.slice(0, MOST_IN_PARTS).map(labelText).join(", ")}
      <span className="quiet">{`${more > 0 ? ` and ${more} more` : ""}${labels.length > 1 ? ", each in a part" : " in a part"}`}</span>
    </strong>
  );
}
