import { useClassifiers } from "../models/queries";
import { Select } from "../ui/controls";

const ANY = "newest";

/** Selects the model whose labels the library shows and filters by; null for each recording's newest label. */
export function LabelModel({ model, onChange }: { model: string | null; onChange: (model: string | null) => void }) {
  const served = useClassifiers().data?.map(({ name }) => name) ?? [];
  const options = [...new Set([ANY, ...served, ...(model ? [model] : [])])];
  return (
    <Select
      label="labels by"
      name="Model of the labels"
      value={model ?? ANY}
      options={options}
      onChange={(name) => onChange(name === ANY ? null : name)}
    />
  );
}
