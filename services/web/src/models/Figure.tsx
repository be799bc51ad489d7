import { labelText } from "../ui/format";

/** One of a model's figures, in a list of them. */
export function Figure({ name, value, more = "" }: { name: string; value: string; more?: string }) {
  return (
    <div>
      <dt>{labelText(name)}</dt>
      <dd>
        {value} <span className="small quiet">{more}</span>
      </dd>
    </div>
  );
}
