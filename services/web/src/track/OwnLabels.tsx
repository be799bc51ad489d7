import { lazy, Suspense, useRef, useState } from "react";
import type { LabelState, Track } from "../api/client";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { useMayWrite, Writes } from "../state/mayWrite";
import { Button, IconButton } from "../ui/controls";
import { useFocusKept } from "../ui/focus";
import { labelText } from "../ui/format";
import { Icon } from "../ui/Icon";
import { ChangeLabel } from "./ChangeLabel";
import { NewLabel } from "./NewLabel";
import { type OwnChanges, type OwnLabel, ownLabels } from "./ownLabels";
import { useSaidBy } from "./said";
import { StretchLabels } from "./StretchLabels";

const TeachWith = lazy(() => import("../classifiers/TeachWith"));

const WHOLE = { start_s: null, end_s: null };

/** The labels of the recording and of stretches of it. Whoever may confirms, rejects, changes and removes them, adds further ones, and undoes what was changed here. */
export function OwnLabels({ track, changes }: { track: Track; changes: OwnChanges }) {
  const { busy, problems, said, say, put, change, undo } = changes;
  const box = useRef<HTMLElement>(null);
  useFocusKept(box, busy);
  return (
    <section ref={box} className="own" aria-label={useMayWrite() ? "Your labels" : "Its owner's labels"}>
      <ul className="tags">
        {ownLabels(track).map((own) => (
          <Own
            key={own.label}
            own={own}
            disabled={busy}
            say={say}
            change={(label, to) => change({ label, ...WHOLE }, to)}
            remove={(label) => put({ label, ...WHOLE, state: null })}
          />
        ))}
      </ul>
      <StretchLabels trackId={track.id} disabled={busy} put={put} />
      <Writes>
        <NewLabel add={(label, span) => say(label, "confirmed", span)} />
        {undo ? (
          <Button disabled={busy} onClick={undo}>
            Undo
          </Button>
        ) : null}
        <Teaching track={track} />
      </Writes>
      {problems.length ? <span role="alert">{problems.join(" ")}</span> : null}
      <span className="small quiet" role="status">
        {said}
      </span>
    </section>
  );
}

type OwnProps = {
  own: OwnLabel;
  disabled: boolean;
  say: (label: string, state: LabelState) => unknown;
  change: (label: string, to: string) => void;
  remove: (label: string) => void;
};

function Own({ own: { label, state, by }, disabled, say, change, remove }: OwnProps) {
  const saidBy = useSaidBy();
  return (
    <li className={`own__label ${state === "rejected" ? "own__label--rejected" : ""}`} title={state ? `${state}${saidBy(label)}` : `predicted by ${by.join(" and ")}`}>
      {state === "confirmed" ? <Icon name="check" size={14} /> : null}
      <span>{labelText(label)}</span>
      <Writes>
        {state === "confirmed" ? null : (
          <IconButton icon="check" label={`Confirm ${labelText(label)}`} disabled={disabled} onClick={() => say(label, "confirmed")} />
        )}
        {state === "rejected" ? null : (
          <IconButton icon="close" label={`Reject ${labelText(label)}`} disabled={disabled} onClick={() => say(label, "rejected")} />
        )}
        {state === "rejected" ? null : <ChangeLabel label={label} name={labelText(label)} disabled={disabled} onChange={(to) => change(label, to)} />}
        {state ? <IconButton icon="bin" label={`Remove ${labelText(label)}`} disabled={disabled} onClick={() => remove(label)} /> : null}
      </Writes>
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
