import { useQuery } from "@tanstack/react-query";
import type { Track } from "../api/client";
import { isSharedPage } from "../api/credential";
import type { SaidLabel } from "../sound/segments";
import { useBy } from "../state/mayWrite";
import { sharedTrack } from "../state/queries";
import { useTrackState } from "../state/TrackStateProvider";
import { labelText } from "../ui/format";
import { saidLabels } from "./ownLabels";

/** What the owner says of the whole recording: the label that counts, null where none was confirmed, and what was rejected. */
export type SaidOfWhole = { confirmed: string | null; rejected: readonly string[] };

const NOTHING: SaidOfWhole = { confirmed: null, rejected: [] };

/** What the owner says of the whole recording, as the library shows it; nothing of another audio track. */
export function useSaidOfWhole({ label, label_confirmed, rejected = [] }: Track): SaidOfWhole {
  const { audioTrack } = useTrackState();
  return audioTrack === null ? { confirmed: label_confirmed ? label : null, rejected } : NOTHING;
}

const NO_LABELS: readonly SaidLabel[] = [];

/** What the owner confirmed and rejected, of stretches too, also for whom the recording is shared with; nothing of another audio track. */
export function useSaid(): readonly SaidLabel[] {
  const { trackId, audioTrack } = useTrackState();
  const visiting = isSharedPage();
  const own = useQuery({ ...saidLabels(trackId), enabled: !visiting && audioTrack === null });
  const shared = useQuery({ ...sharedTrack, enabled: visiting });
  return (visiting ? shared : own).data?.labels ?? NO_LABELS;
}

/** By whom labels of the whole recording, or of parts of it, were confirmed or rejected, in words that follow; nothing where it is not known, or were several. */
export function useSaidBy(): (label: string, inParts?: boolean) => string {
  const by = useBy();
  const said = useSaid();
  return (label, inParts = false) => {
    const own = said.filter((one) => one.label === label && (one.start_s !== null) === inParts);
    const [words = by(null), ...others] = new Set(own.map(({ key_id }) => by(key_id)));
    return others.length ? "" : words;
  };
}

/** The name of a label that a model gave, struck through where it was rejected. */
export function PredictedName({ label, rejected }: { label: string; rejected: readonly string[] }) {
  const by = useSaidBy();
  if (!rejected.includes(label)) return <>{labelText(label)}</>;
  return (
    <>
      <s>{labelText(label)}</s>
      <span className="unseen">, rejected{by(label)}</span>
    </>
  );
}
