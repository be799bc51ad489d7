import { useState } from "react";
import type { Span } from "../classifiers/labelling";
import { PartChoice, usePart } from "../classifiers/PartChoice";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { LONGEST_LABEL } from "./ownLabels";

/** Resolves to whether the label is stored. */
type Add = (label: string, span: Span | null) => Promise<boolean>;

/** A field for a label of the recording, or of its loop where there is one. What could not be stored comes back where the field is empty. */
export function NewLabel({ add }: { add: Add }) {
  const [text, setText] = useState("");
  const { loop } = useStore(useTimeAxis().transport.state);
  const part = usePart(loop);
  const store = async (label: string) => {
    if (!(await add(label, part.span))) setText((now) => now || label);
  };
  return (
    <form
      className="row wrap"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) void store(text.trim());
        setText("");
      }}
    >
      <input
        className="field"
        placeholder="Add a label"
        aria-label="Add a label"
        maxLength={LONGEST_LABEL}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <PartChoice label="Part that the label is of" {...part} />
    </form>
  );
}
