import { useId, useState } from "react";
import { Button } from "../../ui/controls";
import { labelText } from "../../ui/format";

const MOST_BUTTONS = 12;
const LONGEST = 100;

type Props = { labels: readonly string[]; asked: string; choose: (label: string) => void; cancel: () => void };

/** Takes another label: one that the classifier knows, or one that is typed. */
export function OtherLabel({ labels, asked, choose, cancel }: Props) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const others = labels.filter((label) => label !== asked);
  const named = typed.trim();
  const known = others.find((label) => labelText(label).toLowerCase() === labelText(named).toLowerCase()) ?? named;
  return (
    <form
      className="other"
      aria-label="What it is"
      onSubmit={(event) => {
        event.preventDefault();
        if (known) choose(known);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        cancel();
      }}
    >
      <div className="row wrap">
        {others.slice(0, MOST_BUTTONS).map((label) => (
          <Button key={label} onClick={() => choose(label)}>
            {labelText(label)}
          </Button>
        ))}
      </div>
      <div className="row wrap">
        <input
          className="field"
          // biome-ignore lint/a11y/noAutofocus: it opens to be typed into
          autoFocus
          aria-label="Another label"
          list={id}
          maxLength={LONGEST}
          placeholder="what it is"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <datalist id={id}>
          {others.map((label) => (
            <option key={label} value={labelText(label)} />
          ))}
        </datalist>
        <Button main type="submit" disabled={!named}>
          It is this
        </Button>
        <Button onClick={cancel}>Cancel</Button>
      </div>
      {known && !labels.includes(known) ? <p className="small quiet">The classifier does not know “{known}” yet: it is kept as your label.</p> : null}
    </form>
  );
}
