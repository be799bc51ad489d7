import { lazy, Suspense, useState } from "react";
import type { LabelState, Track } from "../api/client";
import { errorText } from "../api/problem";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { Button, IconButton } from "../ui/controls";
import { labelText } from "../ui/format";
import { Icon } from "../ui/Icon";
import { announce } from "../ui/live";
import { type OwnLabel, ownLabels, useSayLabel } from "./ownLabels";

const TeachWith = lazy(() => import("../classifiers/TeachWith"));

const LONGEST = 100;

/** Confirms and rejects labels of the whole recording, adds further ones, and undoes the last change. */
export function OwnLabels({ track }: { track: Track }) {
  const saying = useSayLabel(track.id);
  const [undoable, setUndoable] = useState(false);
  const say = (label: string, state: LabelState) =>
    saying.mutate(
      { label, state },
      {
        onSuccess: () => {
          setUndoable(true);
          announce(`${labelText(label)} is ${state}.`);
        },
      },
    );
  const undo = () => saying.mutate(null, { onSuccess: () => announce("The last change of the labels is undone.") });
  return (
    <section className="own" aria-label="Your labels">
      <ul className="tags">
        {ownLabels(track).map((own) => (
          <Own key={own.label} own={own} disabled={saying.isPending} say={say} />
        ))}
      </ul>
      <NewLabel disabled={saying.isPending} add={(label) => say(label, "confirmed")} />
      {undoable ? (
        <Button disabled={saying.isPending} onClick={undo}>
          Undo
        </Button>
      ) : null}
      {saying.isError ? <span role="alert">{errorText(saying.error)}</span> : null}
      <Teaching track={track} />
    </section>
  );
}

type OwnProps = { own: OwnLabel; disabled: boolean; say: (label: string, state: LabelState) => void };

function Own({ own: { label, state, by }, disabled, say }: OwnProps) {
  return (
    <li className={`own__label ${state === "rejected" ? "own__label--rejected" : ""}`} title={state ? `${state} by you` : `predicted by ${by.join(" and ")}`}>
      {state === "confirmed" ? <Icon name="check" size={14} /> : null}
      <span>{labelText(label)}</span>
      {state === "confirmed" ? null : (
        <IconButton icon="check" label={`Confirm ${labelText(label)}`} disabled={disabled} onClick={() => say(label, "confirmed")} />
      )}
      {state === "rejected" ? null : (
        <IconButton icon="close" label={`Reject ${labelText(label)}`} disabled={disabled} onClick={() => say(label, "rejected")} />
      )}
    </li>
  );
}

function Teaching({ track }: { track: Track }) {
  const [open, setOpen] = useState(false);
  const { loop } = useStore(useTimeAxis().transport.state);
  return (
    <>
      <Button aria-expanded={open} onClick={() => setOpen(!open)}>
        Teach with this
      </Button>
      {open ? (
        <Suspense fallback={null}>
          <TeachWith track={track} loop={loop} />
        </Suspense>
      ) : null}
    </>
  );
}

function NewLabel({ disabled, add }: { disabled: boolean; add: (label: string) => void }) {
  const [text, setText] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) add(text.trim());
        setText("");
      }}
    >
      <input
        className="field"
        placeholder="Add a label"
        aria-label="Add a label"
        maxLength={LONGEST}
        disabled={disabled}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}
