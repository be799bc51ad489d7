import { type FormEvent, useRef, useState } from "react";
import { errorText } from "../api/problem";
import { useMayWrite, Writes } from "../state/mayWrite";
import { Button, ErrorNote, Select } from "../ui/controls";
import { useFocusBack } from "../ui/focus";
import { announce } from "../ui/live";
import { type Collection, useCollectionActions, useCollections } from "./collections";

const ALL = "";
const LONGEST = 100;

type Props = { collection: string | null; onChange: (collection: string | null) => void };

/** Selects the collection that the library shows; makes, renames and deletes collections. */
export function CollectionBar({ collection, onChange }: Props) {
  const collections = useCollections().data ?? [];
  const mayWrite = useMayWrite();
  const [asking, setAsking] = useState<"new" | "rename" | "delete" | null>(null);
  const { create, rename, remove } = useCollectionActions();
  const bar = useRef<HTMLElement>(null);
  useFocusBack(bar, asking);
  const chosen = collections.find(({ id }) => id === collection);
  const done = () => setAsking(null);
  const make = (name: string) =>
    create.mutate(name, {
      onSuccess: ({ id }) => {
        done();
        announce(`The collection ${name} is made.`);
        onChange(id);
      },
    });
  const erase = ({ id, name }: Collection) =>
    remove.mutate(id, {
      onSuccess: () => {
        done();
        announce(`The collection ${name} is deleted. Its recordings stay.`);
        onChange(null);
      },
    });
  const problem = { new: create.error, rename: rename.error, delete: remove.error }[asking ?? "new"];
  const open = (what: typeof asking) => {
    for (const action of [create, rename, remove]) action.reset();
    setAsking(asking === what ? null : what);
  };
  if (!mayWrite && !collections.length && !collection) return null;
  return (
    <section ref={bar} className="collections" aria-label="Collections" onKeyDown={(event) => event.key === "Escape" && done()}>
      <div className="row wrap">
        {collections.length || collection ? (
          <Select
            label="collection"
            name="Collection that is shown"
            value={collection ?? ALL}
            options={[ALL, ...collections.map(({ id }) => id), ...(collection && !chosen ? [collection] : [])]}
            text={(id) => nameOf(collections, id)}
            onChange={(id) => {
              done();
              onChange(id || null);
            }}
          />
        ) : null}
        <Writes>
          <Button data-opens="new" aria-expanded={asking === "new"} onClick={() => open("new")}>
            New collection
          </Button>
          {chosen ? (
            <>
              <Button data-opens="rename" aria-expanded={asking === "rename"} onClick={() => open("rename")}>
                Rename
              </Button>
              <Button data-opens="delete" aria-expanded={asking === "delete"} onClick={() => open("delete")}>
                Delete collection
              </Button>
            </>
          ) : null}
        </Writes>
      </div>
      {asking === "new" ? <NameForm name="" verb="Make" busy={create.isPending} onName={make} onCancel={done} /> : null}
      {asking === "rename" && chosen ? (
        <NameForm name={chosen.name} verb="Rename" busy={rename.isPending} onName={(name) => rename.mutate({ id: chosen.id, name }, { onSuccess: done })} onCancel={done} />
      ) : null}
      {asking === "delete" && chosen ? (
        <span className="row wrap" role="alertdialog" aria-label={`Delete the collection ${chosen.name}?`}>
          Delete the collection {chosen.name}? Its recordings stay in the library.
          <Button disabled={remove.isPending} onClick={() => erase(chosen)}>
            Delete
          </Button>
          <Button autoFocus onClick={done}>
            Keep
          </Button>
        </span>
      ) : null}
      {asking && problem ? <ErrorNote>{errorText(problem)}</ErrorNote> : null}
    </section>
  );
}

function nameOf(collections: readonly Collection[], id: string): string {
  if (id === ALL) return "all recordings";
  const found = collections.find((each) => each.id === id);
  return found ? `${found.name} (${found.tracks.toLocaleString("en-GB")})` : "a deleted one";
}

type FormProps = { name: string; verb: string; busy: boolean; onName: (name: string) => void; onCancel: () => void };

function NameForm({ name, verb, busy, onName, onCancel }: FormProps) {
  const [typed, setTyped] = useState(name);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim()) onName(typed.trim());
  };
  return (
    <form className="row wrap" onSubmit={send}>
      {/* biome-ignore lint/a11y/noAutofocus: it was asked for by the button before it */}
      <input className="field" aria-label="Name of the collection" placeholder="Name" autoFocus maxLength={LONGEST} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
      <Button type="submit" main disabled={busy || !typed.trim()}>
        {verb}
      </Button>
      <Button onClick={onCancel}>Cancel</Button>
    </form>
  );
}
