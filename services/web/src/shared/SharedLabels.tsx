import type { Track } from "../api/client";
import { answersOf, shownLabels } from "../state/models";
import { useTrackState } from "../state/TrackStateProvider";
import { labelText, percent } from "../ui/format";

/** What the owner confirmed, and what models predict, as it is. */
export function SharedLabels({ track: { confirmed = [] } }: { track: Track }) {
  const { classified } = useTrackState().state;
  return (
    <section className="panel" aria-labelledby="labels-title">
      <h2 id="labels-title">Labels</h2>
      {confirmed.length ? <p>Confirmed: {confirmed.map(labelText).join(", ")}</p> : null}
      {classified ? null : <p className="quiet">It was never listened to.</p>}
      {(classified ? answersOf(classified) : []).map((answer) => (
        <div key={answer.model.name}>
          <ol className="bars">
            {shownLabels(answer).map(({ label, probability }) => (
              <li key={label} className="bar">
                <span className="bar__name clip">{labelText(label)}</span>
                <span className="bar__track" aria-hidden="true">
                  <span className="bar__fill" style={{ width: `${probability * 100}%` }} />
                </span>
                <span className="bar__value">{percent(probability)}</span>
              </li>
            ))}
          </ol>
          <p className="small quiet">
            By {answer.model.name}
            {answer.unknown ? ": unknown, no label reaches its threshold." : "."}
          </p>
        </div>
      ))}
    </section>
  );
}
