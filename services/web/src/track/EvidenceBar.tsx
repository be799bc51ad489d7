import { useModel } from "../models/queries";
import { taskInWords } from "../api/words";
import { BadNote, Button, Select, Slider } from "../ui/controls";
import { percent } from "../ui/format";
import type { Explanation } from "../state/explanation";
import { heardLabels, LAYERS, METHODS } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";

const SHOWN = 0.75;

type Props = {
  explanation: Explanation;
  opacity: number;
  setOpacity: (opacity: number) => void;
};

/** Which evidence lies over the spectrogram: of which label, layer and method, and how opaque. */
export function EvidenceBar({ explanation, opacity, setOpacity }: Props) {
  const { wanted, explained, asking, job, problem, choose, askFirst } = explanation;
  const classified = useTrackState().state.result("classify");
  const model = useModel(classified?.model.name).data;
  if (!wanted) {
    return (
      <div className="evidence">
        <Button disabled={asking} onClick={askFirst}>
          {asking ? "Explaining …" : "Show the evidence"}
        </Button>
        {problem ? <BadNote>{problem}</BadNote> : null}
      </div>
    );
  }
  const heard = classified ? heardLabels(classified) : [];
  const others = (model?.labels ?? []).filter((label) => !heard.includes(label));
  const labels = [...heard, ...others, ...([...heard, ...others].includes(wanted.label) ? [] : [wanted.label])];
  const task = job?.tasks[0];
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
        said={percent(opacity)}
        onChange={setOpacity}
      />
      <Select label="for" name="Evidence for" value={wanted.label} options={labels} onChange={(label) => choose({ label })} />
      <Select label="layer" name="Evidence layer" value={wanted.layer} options={LAYERS} onChange={(layer) => choose({ layer })} />
      <Select label="method" name="Evidence method" value={wanted.method} options={METHODS} onChange={(method) => choose({ method })} />
      <span className="small quiet" role="status">
        {asking && task ? `${taskInWords(task)} …` : null}
      </span>
      {problem ? <BadNote>{problem}</BadNote> : null}
    </div>
  );
}
