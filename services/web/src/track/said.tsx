import type { Track } from "../api/client";
import { useReadOnly } from "../state/readOnly";
import { useTrackState } from "../state/TrackStateProvider";
import { labelText } from "../ui/format";

/** What the owner says of the whole recording: the label that counts, null where none was confirmed, and what was rejected. */
export type SaidOfWhole = { confirmed: string | null; rejected: readonly string[] };

const NOTHING: SaidOfWhole = { confirmed: null, rejected: [] };

/** What the owner says of the whole recording, as the library shows it; nothing of another audio track. */
export function useSaidOfWhole({ label, label_confirmed, rejected = [] }: Track): SaidOfWhole {
  const { audioTrack } = useTrackState();
  return audioTrack === null ? { confirmed: label_confirmed ? label : null, rejected } : NOTHING;
}

/** Who confirmed and rejected, to whoever reads the page: `you`, `its owner`. */
export function useWho(): string {
  return useReadOnly() ? "its owner" : "you";
}

/** The name of a label that a model gave, struck through where it was rejected. */
export function PredictedName({ label, rejected }: { label: string; rejected: readonly string[] }) {
  const who = useWho();
  if (!rejected.includes(label)) return <>{labelText(label)}</>;
  return (
    <>
      <s>{labelText(label)}</s>
      <span className="unseen">, rejected by {who}</span>
    </>
  );
}
