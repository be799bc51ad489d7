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
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <label className="labelled number">
      <input
        className="field"
        type="number"
        aria-label={name}
        {...{ min, max, step }}
        value={draft ?? value.toFixed(digits)}
        onChange={(event) => {
          const { value: text, valueAsNumber } = event.currentTarget;
          setDraft(text);
          if (Number.isFinite(valueAsNumber)) onChange(Math.min(max, Math.max(min, valueAsNumber)));
        }}
        onBlur={() => setDraft(null)}
      />
      {unit}
    </label>
  );
}
