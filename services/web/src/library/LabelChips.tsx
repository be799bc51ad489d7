import { useMemo, useRef } from "react";
import { labelText } from "../ui/format";

const MOST_CHIPS = 12;

type Labelled = { labels: readonly string[] };
type Props = { of: readonly Labelled[]; label: string | null; onChange: (label: string | null) => void };

/** The labels as filters, those with most recordings first. */
export function LabelChips({ of, label, onChange }: Props) {
  const known = useRef(new Map<string, number>());
  const labels = useMemo(() => {
    if (label === null) known.current = counted(of);
    const found = [...known.current.entries()].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    const shown = found.slice(0, MOST_CHIPS);
    return label && !shown.includes(label) ? [label, ...shown] : shown;
  }, [of, label]);
  if (labels.length === 0) return <div />;
  return (
    <div className="chips" role="group" aria-label="Filter by label">
      {[null, ...labels].map((name) => (
        <button key={name ?? ""} type="button" className="chip" aria-pressed={name === label} onClick={() => onChange(name)}>
          {name === null ? "all" : labelText(name)}
        </button>
      ))}
    </div>
  );
}

function counted(of: readonly Labelled[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of of.flatMap(({ labels }) => labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
