import type { TaskName } from "../api/client";
import { useClassifiers, useModel } from "../models/queries";
import { ErrorNote, Button, Select } from "../ui/controls";
import { percent, labelText } from "../ui/format";
import type { Explanation } from "../state/explanation";
import { useTrackState } from "../state/TrackStateProvider";
import { useSubmit } from "../state/submit";
import type { ResultOf } from "../state/results";
import type { ModelLabel } from "../state/trackState";

const BY_MODEL: TaskName[] = ["classify", "embed", "explain"];

type Props = { trackId: string; explanation: Explanation };

/** The labels of the recording. Another model can be selected; it classifies the recording unless it has before. */
export function Classification({ trackId, explanation }: Props) {
  const { state, selectModel } = useTrackState();
  const { model } = state;
  const classified = state.result("classify");
  const { submit, submitting, problem } = useSubmit(trackId);
  const classify = (name: string) => submit({ tasks: BY_MODEL, options: { classify: { model: name } } });
  return (
    <section className="panel" aria-labelledby="labels-title" aria-busy={submitting}>
      <h2 id="labels-title">Labels</h2>
      {classified ? <Bars classified={classified} explanation={explanation} /> : null}
      {classified || model ? null : <p className="quiet">Not classified yet.</p>}
      {state.labels.length > 1 ? <ByModel labels={state.labels} /> : null}
      {model ? (
        <ModelSelect
          model={model}
          choose={(name) => {
            selectModel(name);
            if (!state.labels.some(({ model }) => model === name)) classify(name);
          }}
        />
      ) : null}
      {classified || !model ? null : (
        <Button disabled={submitting} onClick={() => classify(model)}>
          {submitting ? "Classifying …" : "Classify"}
        </Button>
      )}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </section>
  );
}

/** The most probable labels, and whether the first reaches the threshold. */
function Bars({ classified, explanation }: { classified: ResultOf<"classify">; explanation: Explanation }) {
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
              title={`Show the evidence for ${labelText(label)}`}
              onClick={() => explanation.choose({ label })}
            >
              {labelText(label)}
            </button>
            <span className="bar__track" aria-hidden="true">
              <span className="bar__fill" style={{ width: `${probability * 100}%` }} />
              {least === undefined ? null : <i style={{ left: `${least * 100}%` }} />}
            </span>
            <span className="bar__value">{percent(probability)}</span>
          </li>
        ))}
      </ol>
      {best && least !== undefined ? <p className="small quiet">{verdict(classified.unknown, best.probability, least)}</p> : null}
      {classified.warnings?.map((warning) => (
        <p key={warning} className="small quiet">
          {warning}
        </p>
      ))}
    </>
  );
}

/** The label by each model that has classified the recording. */
function ByModel({ labels }: { labels: readonly ModelLabel[] }) {
  return (
    <dl className="facts small" aria-label="Labels by model">
      {labels.map(({ model, label }) => (
        <div key={model}>
          <dt>{model}</dt>
          <dd>{label === null ? "unknown" : labelText(label)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Selects the classification model. */
function ModelSelect({ model, choose }: { model: string; choose: (name: string) => void }) {
  const served = useClassifiers().data?.map(({ name }) => name) ?? [];
  return (
    <p className="small quiet">
      <Select label="model" name="Classification model" value={model} options={[...new Set([...served, model])]} onChange={choose} />
    </p>
  );
}

function verdict(unknown: boolean, probability: number, least: number): string {
  const shown = `${probability.toFixed(2)} ${unknown ? "<" : "≥"} ${least.toFixed(2)}`;
  return unknown ? `Unknown: no label reaches the threshold over the whole recording (${shown}).` : `Above the threshold (${shown}).`;
}
