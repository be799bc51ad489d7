import { useState } from "react";
import { Button, IconButton } from "../ui/controls";
import { Dialog } from "../ui/Dialog";
import { labelText } from "../ui/format";
import "./menu.css";
import { LONGEST_LABEL } from "./ownLabels";

type Props = { label: string; /** The label with its place. */ name: string; disabled: boolean; onChange: (to: string) => void };

/** A button that asks which label is right in place of one. */
export function ChangeLabel({ label, name, disabled, onChange }: Props) {
  const [asking, setAsking] = useState(false);
  const [typed, setTyped] = useState("");
  const wanted = typed.trim();
  const close = () => {
    setAsking(false);
    setTyped("");
  };
  return (
    <>
      <IconButton icon="pencil" label={`Change ${name} …`} disabled={disabled} onClick={() => setAsking(true)} />
      {asking ? (
        <Dialog title={`Change ${name}`} onClose={close}>
          <form
            className="stack menu-dialog"
            onSubmit={(event) => {
              event.preventDefault();
              close();
              onChange(wanted);
            }}
          >
            <input
              className="field"
              aria-label="Another label"
              placeholder="what it is"
              data-focused
              maxLength={LONGEST_LABEL}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <p className="small quiet">{labelText(label)} is rejected, and the other label confirmed in its place. One Undo takes back both.</p>
            <div className="row">
              <Button main type="submit" disabled={!wanted || wanted === label}>
                Change
              </Button>
              <Button onClick={close}>Cancel</Button>
            </div>
          </form>
        </Dialog>
      ) : null}
    </>
  );
}
