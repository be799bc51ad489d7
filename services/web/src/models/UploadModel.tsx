import { useRef, useState } from "react";
import { Link } from "wouter";
import { setUploadModel, useUploadModel } from "../state/uploadModel";
import { Button } from "../ui/controls";

/** The ways to use a model: for new recordings from this browser, or for chosen ones that are there. */
export function UseModel({ name }: { name: string }) {
  const used = useUploadModel() === name;
  return (
    <span className="row wrap">
      <Link href={`/?${new URLSearchParams({ model: name, select: "yes" })}`} className="button" aria-label={`Listen again with it: ${name}`}>
        Listen again with it
      </Link>
      <Button aria-label={`${used ? "Stop using" : "Use"} this one: ${name}`} onClick={() => setUploadModel(used ? null : name)}>
        {used ? "Stop using this one" : "Use this one"}
      </Button>
    </span>
  );
}

/** Says what classifies new recordings, where a model was chosen for them, with a button that undoes it. */
export function UsedForUploads() {
  const model = useUploadModel();
  const words = useRef<HTMLSpanElement>(null);
  const [undone, setUndone] = useState(false);
  const undo = () => {
    setUploadModel(null);
    setUndone(true);
    // The button that had it is gone.
    words.current?.focus();
  };
  return (
    <p className={model || undone ? "row wrap small" : "unseen"} role="status">
      <span ref={words} tabIndex={-1}>
        {model ? (
          <>
            New recordings from this browser are classified by <strong>{model}</strong>.
          </>
        ) : undone ? (
          "What is heard decides what classifies new recordings."
        ) : null}
      </span>
      {model ? <Button onClick={undo}>Undo</Button> : null}
    </p>
  );
}
