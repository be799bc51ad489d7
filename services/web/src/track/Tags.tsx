import type { Answer } from "../api/client";
import { labelText, percent } from "../ui/format";
import type { Explanation } from "../state/explanation";
import { tagsOf } from "../state/models";
import { Evidence } from "./Evidence";
import { PredictedName } from "./said";

type Props = { answer: Answer; rejected: readonly string[]; explanation: Explanation };

/** A model's labels as tags. A click shows the evidence for one. */
export function Tags({ answer, rejected, explanation }: Props) {
  const model = answer.model.name;
  const labels = tagsOf(answer);
  if (labels.length === 0) return null;
  return (
    <ul className="tags" aria-label={`Labels by ${model}`}>
      {labels.map(({ label, probability }) => (
        <li key={label}>
          <Evidence className="tag" title={`${model}. Show the evidence for ${labelText(label)}.`} of={{ model, label }} explanation={explanation}>
            <PredictedName label={label} rejected={rejected} /> <span className="quiet">{percent(probability)}</span>
          </Evidence>
        </li>
      ))}
    </ul>
  );
}
