import { labelText } from "../ui/format";
import type { ResultOf } from "../state/results";

/** One line that says what the amber over the spectrogram means. */
export function Amber({ explained, opacity }: { explained: ResultOf<"explain"> | null; opacity: number }) {
  if (!explained || opacity === 0) return null;
  const { label, model, layer } = explained;
  return (
    <p className="small quiet amber">
      <i aria-hidden="true" /> Amber is where {model.name} found what made it say <em>{labelText(label)}</em>: the brighter, the more. Its layer {layer} sees
      coarsely, so the amber is wider than the sound.
    </p>
  );
}
