import { type FormEvent, useState } from "react";
import { errorText } from "../api/problem";
import { Button, Select } from "../ui/controls";
import { useCollectionActions, useCollections } from "./collections";

const NEW = "";

/** Asks for a collection, an existing one or a new one, in which what is selected is put. */
export function CollectForm({ onCollect, onCancel }: { onCollect: (id: string, name: string) => void; onCancel: () => void }) {
  const collections = useCollections().data ?? [];
  const { create } = useCollectionActions();
  const [id, setId] = useState<string | null>(null);
  const [name, setName] = useState("");
  const chosen = id ?? collections[0]?.id ?? NEW;
  const nameOf = (one: string) => (one === NEW ? "a new one" : (collections.find((each) => each.id === one)?.name ?? ""));
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (chosen !== NEW) return onCollect(chosen, nameOf(chosen));
    const wanted = name.trim();
    if (wanted) create.mutate(wanted, { onSuccess: (made) => onCollect(made.id, made.name) });
  };
  return (
    <form className="row wrap" onSubmit={send}>
      <Select label="into" name="Collection to put them in" value={chosen} options={[...collections.map((each) => each.id), NEW]} text={nameOf} onChange={setId} />
      {chosen === NEW ? (
        <input className="field" aria-label="Name of the new collection" placeholder="Name" maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      ) : null}
      <Button type="submit" disabled={create.isPending || (chosen === NEW && !name.trim())}>
        Put there
      </Button>
      <Button onClick={onCancel}>Cancel</Button>
      {create.error ? <span role="alert">{errorText(create.error)}</span> : null}
    </form>
  );
}
