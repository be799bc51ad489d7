import type { ResultOf } from "../state/results";
import { labelText } from "../ui/format";
import { coarseness } from "./layers";

/** One line that says what the amber over the spectrogram means, and how coarsely its layer sees. It keeps its room where no amber is shown. */
export function Amber({ explained, opacity }: { explained: ResultOf<"explain"> | null; opacity: number }) {
  if (!explained) return null;
  const { label, model } = explained;
  return (
    <p className={`small quiet amber ${opacity === 0 ? "amber--off" : ""}`}>
      <i aria-hidden="true" /> Amber is where {model.name} found what made it say <em>{labelText(label)}</em>: the brighter, the more. {coarseness(explained)}
    </p>
  );
}
