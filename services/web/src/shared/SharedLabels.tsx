import type { Track } from "../api/client";
import { SILENCE, unheardTrackText } from "../state/absent";
import { confirmedTexts } from "../state/labelOrWhy";
import { answersOf, shownLabels } from "../state/models";
import { useTrackState } from "../state/TrackStateProvider";
import { PredictedName } from "../track/said";
import { labelText, percent } from "../ui/format";

/** What the owner confirmed and rejected, and what models predict, as it is. */
export function SharedLabels({ track }: { track: Track }) {
  const { rejected = [] } = track;
  const said = confirmedTexts(track);
  const { classified } = useTrackState().state;
  const silent = classified?.kind === "silence";
  return (
    <section className="panel" aria-labelledby="labels-title">
      <h2 id="labels-title">Labels</h2>
      {said.length ? <p>Confirmed: {said.join(", ")}</p> : null}
      {rejected.length ? <p className="quiet">Rejected: {rejected.map(labelText).join(", ")}</p> : null}
      {classified ? null : <p className="quiet">{unheardTrackText(track)}</p>}
      {silent ? <p className="quiet">{SILENCE}</p> : null}
      {(classified && !silent ? answersOf(classified) : []).map((answer) => (
        <div key={answer.model.name}>
          <ol className="bars">
            {shownLabels(answer).map(({ label, probability }) => (
              <li key={label} className="bar">
                <span className="bar__name clip">
                  <PredictedName label={label} rejected={rejected} />
                </span>
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
