import { useState } from "react";
import { useClassifiers } from "../models/queries";
import { Button, Select } from "../ui/controls";
import { Writes } from "../state/mayWrite";
import { AUTO, type Models, modelsNamed, modelsText } from "../state/models";

type Props = { models: Models; choose: (models: Models) => void };
type ChoiceProps = Props & {
  /** Whether models can be selected. */
  offers: (models: Models) => boolean;
};

/** Selects what classifies: the models that what is heard decides on, one model, or several. */
export function ModelChoice({ models, choose, offers }: ChoiceProps) {
  const served = useClassifiers().data ?? [];
  const used = models.join(",");
  const kinds = new Map(served.map(({ name, kind }) => [name, kind]));
  const options = [...new Set([AUTO, ...kinds.keys(), used])].filter((value) => value === used || offers([value]));
  const textOf = (value: string) => {
    const kind = kinds.get(value);
    return kind ? `${value} · ${kind}` : modelsText(modelsNamed(value.split(",")) ?? models);
  };
  return (
    <div className="small quiet">
      <Select
        label="model"
        name="Classification model"
        value={used}
        options={options}
        text={textOf}
        onChange={(value) => choose(modelsNamed(value.split(",")) ?? models)}
      />
      <Writes>{served.length > 1 ? <SeveralModels names={[...kinds.keys()]} models={models} choose={choose} /> : null}</Writes>
    </div>
  );
}

/** Checkboxes for several models. The one that is checked first counts. */
function SeveralModels({ names, models, choose }: Props & { names: string[] }) {
  const [checked, setChecked] = useState<string[]>([]);
  const chosen = modelsNamed(checked);
  return (
    <details className="several">
      <summary>several models</summary>
      <ul aria-label="Classification models">
        {names.map((name) => (
          <li key={name}>
            <label>
              <input
                type="checkbox"
                checked={checked.includes(name)}
                onChange={({ currentTarget }) =>
                  setChecked(currentTarget.checked ? [...checked, name] : checked.filter((other) => other !== name))
                }
              />{" "}
              {name}
              {checked[0] === name && checked.length > 1 ? <span> (its label counts)</span> : null}
            </label>
          </li>
        ))}
      </ul>
      <Button disabled={!chosen || chosen.join() === models.join()} onClick={() => chosen && choose(chosen)}>
        Classify by {checked.length === 1 ? "this one" : "these"}
      </Button>
    </details>
  );
}
