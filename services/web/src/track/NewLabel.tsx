import { useState } from "react";
import type { Span } from "../classifiers/labelling";
import { PartChoice, usePart } from "../classifiers/PartChoice";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";

const LONGEST = 100;

/** A field for a label of the recording, or of its loop where there is one. */
export function NewLabel({ add }: { add: (label: string, span: Span | null) => void }) {
  const [text, setText] = useState("");
  const { loop } = useStore(useTimeAxis().transport.state);
  const part = usePart(loop);
  return (
    <form
      className="row wrap"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) add(text.trim(), part.span);
        setText("");
      }}
    >
      <input
        className="field"
        placeholder="Add a label"
        aria-label="Add a label"
        maxLength={LONGEST}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <PartChoice label="Part that the label is of" {...part} />
    </form>
  );
}
