import { useState } from "react";
import type { LabelledTracks } from "../api/client";
import { labelText } from "../ui/format";

const MOST_CHIPS = 12;

type Props = { labels: readonly LabelledTracks[]; label: string | null; onChange: (label: string | null) => void };

/** The labels of the whole library as filters, those with most recordings first; all of them on request. */
export function LabelChips({ labels, label, onChange }: Props) {
  const [all, setAll] = useState(false);
  if (labels.length === 0 && label === null) return <div />;
  const shown = all ? labels : labels.slice(0, MOST_CHIPS);
  const names = shown.map((one) => one.label);
  const others = label !== null && !names.includes(label) ? [{ label, tracks: null }] : [];
  return (
    <div className={`chips ${all ? "chips--all" : ""}`} role="group" aria-label="Filter by label">
      <Chip name="all" pressed={label === null} onPress={() => onChange(null)} />
      {[...others, ...shown].map(({ label: name, tracks }) => (
        <Chip key={name} name={labelText(name)} tracks={tracks} pressed={name === label} onPress={() => onChange(name)} />
      ))}
      {labels.length > MOST_CHIPS ? (
        <button type="button" className="chip" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "fewer" : `${labels.length - MOST_CHIPS} more`}
        </button>
      ) : null}
    </div>
  );
}

function Chip({ name, tracks = null, pressed, onPress }: { name: string; tracks?: number | null; pressed: boolean; onPress: () => void }) {
  return (
    <button type="button" className="chip" aria-pressed={pressed} onClick={onPress}>
      {name}
      {tracks === null ? null : <span className="chip__count"> {tracks.toLocaleString("en-GB")}</span>}
    </button>
  );
}
