import { useState } from "react";

type Props = {
  /** Its accessible name. */
  name: string;
  value: number;
  min: number;
  max: number;
  step: number;
  digits?: number;
  unit: string;
  onChange: (value: number) => void;
};

/** A number to type. One outside its range counts as the end of it; what is no number changes nothing. */
export function NumberField({ name, value, min, max, step, digits = 0, unit, onChange }: Props) {
  const [draft, setDraft] = useState<{ text: string; means: number } | null>(null);
  // Another value came from outside, as by an undo: it counts.
  const typed = draft && Math.abs(draft.means - value) < step / 1000 ? draft.text : null;
  return (
    <label className="labelled number">
      <input
        className="field"
        type="number"
        aria-label={name}
        {...{ min, max, step }}
        value={typed ?? value.toFixed(digits)}
        onChange={(event) => {
          const { value: text, valueAsNumber } = event.currentTarget;
          const means = Number.isFinite(valueAsNumber) ? Math.min(max, Math.max(min, valueAsNumber)) : value;
          setDraft({ text, means });
          if (Number.isFinite(valueAsNumber)) onChange(means);
        }}
        onBlur={() => setDraft(null)}
      />
      {unit}
    </label>
  );
}
