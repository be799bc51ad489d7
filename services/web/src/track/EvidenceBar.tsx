import { useModel } from "../models/queries";
import { taskText } from "../api/taskText";
import { ErrorNote, Button, Select, Slider } from "../ui/controls";
import { percent } from "../ui/format";
import type { Explanation } from "../state/explanation";
import { Writes } from "../state/mayWrite";
import { METHODS, predictedLabels } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";
import { textOfLayer } from "./layers";
import { WhyHere } from "./WhyHere";

/** The opacity of evidence that is shown. */
export const SHOWN = 0.75;

type Props = {
  explanation: Explanation;
  opacity: number;
  setOpacity: (opacity: number) => void;
};

/** Chooses the evidence over the spectrogram: label, layer, method and opacity. To whoever can ask for none it offers what is there. */
export function EvidenceBar({ explanation, opacity, setOpacity }: Props) {
  const { wanted, explained, computing, task, problem, offers, choose, explainFirst } = explanation;
  const { state } = useTrackState();
  const { classified } = state;
  const model = useModel(wanted?.model).data;
  if (!wanted) {
    return (
      <div className="evidence">
        {state.isGoing("explain") || computing ? (
          <span className="quiet">The evidence is being computed.</span>
        ) : (
          <Writes>
            <Button onClick={explainFirst}>Show the evidence</Button>
          </Writes>
        )}
        <WhyHere explanation={explanation} />
        {problem ? <ErrorNote>{problem}</ErrorNote> : null}
      </div>
    );
  }
  const predicted = classified ? predictedLabels(classified, wanted.model) : [];
  const others = (model?.labels ?? []).filter((label) => !predicted.includes(label));
  const labels = [...new Set([...predicted, ...others, wanted.label])].filter((label) => label === wanted.label || offers({ label }));
  const layer = wanted.layer ?? explained?.layer ?? model?.default_layer ?? "";
  const layers = [...new Set([...(model?.layers ?? []), layer])].filter((one) => one && (one === layer || offers({ layer: one })));
  const methods = METHODS.filter((method) => method === wanted.method || offers({ method }));
  const layerText = (name: string) => textOfLayer(name, layer, model);
  return (
    <div className="evidence">
      <Button
        aria-pressed={opacity > 0}
        disabled={!explained}
        onClick={() => setOpacity(opacity > 0 ? 0 : SHOWN)}
      >
        Evidence
      </Button>
      <Slider
        label="Opacity of the evidence"
        hideLabel
        min={0}
        max={1}
        step={0.05}
        value={opacity}
        valueText={percent(opacity)}
        onChange={setOpacity}
      />
      <Select label="label" name="Evidence label" value={wanted.label} options={labels} onChange={(label) => choose({ label })} />
      <Select label="layer" name="Evidence layer" value={layer} options={layers} text={layerText} onChange={(layer) => choose({ layer })} />
      <Select label="method" name="Evidence method" value={wanted.method} options={methods} onChange={(method) => choose({ method })} />
      <WhyHere explanation={explanation} />
      <span className="small quiet" role="status">
        {task ? `${taskText(task)} …` : null}
      </span>
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </div>
  );
}
