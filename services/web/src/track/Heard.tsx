import type { TaskName } from "../api/client";
import { useListeners, useModel } from "../models/queries";
import { BadNote, Button, Select } from "../ui/controls";
import { percent, words } from "../ui/format";
import type { Explanation } from "../state/explanation";
import { useTrackState } from "../state/TrackStateProvider";
import { useAsk } from "../state/ask";
import type { Classified } from "../state/results";

const LISTENED: TaskName[] = ["classify", "embed", "explain"];

type Props = { trackId: string; explanation: Explanation };

/** What a model hears; another may be picked, which listens where it has not yet. */
export function Heard({ trackId, explanation }: Props) {
  const { state, selectModel } = useTrackState();
  const { model } = state;
  const classified = state.result("classify");
  const { ask, asking, problem } = useAsk(trackId);
  const listen = (name: string) => ask({ tasks: LISTENED, options: { classify: { model: name } } });
  return (
    <section className="panel" aria-labelledby="heard-title" aria-busy={asking}>
      <h2 id="heard-title">What it hears</h2>
      {classified ? <Bars classified={classified} explanation={explanation} /> : null}
      {classified || model ? null : <p className="quiet">Not listened to yet.</p>}
      {model ? (
        <Ears
          model={model}
          choose={(name) => {
            selectModel(name);
            if (!state.models.includes(name)) listen(name);
          }}
        />
      ) : null}
      {classified || !model ? null : (
        <Button disabled={asking} onClick={() => listen(model)}>
          {asking ? "Listening …" : "Listen"}
        </Button>
      )}
      {problem ? <BadNote>{problem}</BadNote> : null}
    </section>
  );
}

/** The most probable labels, and whether any is probable enough. */
function Bars({ classified, explanation }: { classified: Classified; explanation: Explanation }) {
  const least = useModel(classified.model.name).data?.unknown_below;
  const best = classified.top[0];
  return (
    <>
      <ol className="bars">
        {classified.top.map(({ label, probability }, place) => (
          <li key={label} className={`bar ${place === 0 && !classified.unknown ? "bar--winner" : ""}`}>
            <button
              type="button"
              className="bar__name clip"
              title={`Show the evidence for ${words(label)}`}
              onClick={() => explanation.choose({ label })}
            >
              {words(label)}
            </button>
            <span className="bar__track" aria-hidden="true">
              <span style={{ width: `${probability * 100}%` }} />
              {least === undefined ? null : <i style={{ left: `${least * 100}%` }} />}
            </span>
            <span className="bar__value">{percent(probability)}</span>
          </li>
        ))}
      </ol>
      {best && least !== undefined ? <p className="small quiet">{verdict(classified.unknown, best.probability, least)}</p> : null}
      {classified.warnings.map((warning) => (
        <p key={warning} className="small quiet">
          {warning}
        </p>
      ))}
    </>
  );
}

/** Which model listens, among all that are served. */
function Ears({ model, choose }: { model: string; choose: (name: string) => void }) {
  const served = useListeners().data?.map(({ name }) => name) ?? [];
  return (
    <p className="small quiet">
      <Select label="by" name="Model that listens" value={model} options={[...new Set([...served, model])]} onChange={choose} />
    </p>
  );
}

function verdict(unknown: boolean, probability: number, least: number): string {
  const shown = `${probability.toFixed(2)} ${unknown ? "<" : "≥"} ${least.toFixed(2)}`;
  return unknown ? `Unknown: no label is likely enough over the whole recording (${shown}).` : `Not unknown (${shown}).`;
}
