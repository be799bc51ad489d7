import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { Button, ErrorNote, Select } from "../ui/controls";
import { labelText } from "../ui/format";
import { announce } from "../ui/live";
import { changeLabels, type Span } from "./labelling";
import { PartChoice, usePart } from "./PartChoice";
import { type Classifier, readClassifier, taughtWith, useClassifier, useClassifierActions, useOwnClassifiers } from "./queries";

const LONGEST = 100;

type Props = { track: Track; loop: Span | null };

/** Confirms a label of the recording, or of its loop, and teaches a classifier with it. */
export default function TeachWith({ track, loop }: Props) {
  const found = useOwnClassifiers();
  if (found.isError) return <ErrorNote>{errorText(found.error)}</ErrorNote>;
  if (!found.data) return null;
  if (found.data.length === 0) {
    return (
      <p className="quiet">
        There is no classifier yet. <Link href="/classifiers">Make one</Link>, or mark similar recordings below.
      </p>
    );
  }
  return <Form track={track} loop={loop} classifiers={found.data} />;
}

function Form({ track, loop, classifiers }: Props & { classifiers: Classifier[] }) {
  const [name, setName] = useState(classifiers[0]?.name ?? "");
  const [label, setLabel] = useState("");
  const part = usePart(loop);
  const classifier = classifiers.find((one) => one.name === name) ?? classifiers[0];
  const whole = useClassifier(classifier?.name ?? "");
  const teaching = useTeaching(track.id);
  if (!classifier) return null;
  const said = label.trim();
  // A list has the first labels of each.
  const labels = whole.data?.labels ?? classifier.labels;
  const known = labels.includes(said);
  return (
    <form
      className="row wrap"
      aria-label="Teach a classifier with this"
      onSubmit={(event) => {
        event.preventDefault();
        teaching.mutate({ name: classifier.name, label: said, span: part.span }, { onSuccess: () => announce(`${labelText(said)} is confirmed, and ${name} is taught again.`) });
      }}
    >
      <Select label="teach" name="Classifier" value={classifier.name} options={classifiers.map((one) => one.name)} text={(one) => one} onChange={setName} />
      <label className="labelled">
        that this is
        <input
          className="field"
          aria-label="Label of this recording"
          list="labels-taught"
          required
          maxLength={LONGEST}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
      </label>
      <datalist id="labels-taught">
        {labels.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <PartChoice label="Part that it is of" {...part} />
      <Button main type="submit" disabled={!said || teaching.isPending}>
        {teaching.isPending ? "Asking …" : "Teach"}
      </Button>
      {said && !known ? <span className="small quiet">{classifier.name} does not have this label yet.</span> : null}
      {teaching.isSuccess ? (
        <span role="status">
          Kept. <Link href={`/classifiers/${classifier.name}`}>{classifier.name}</Link> is taught again.
        </span>
      ) : null}
      {teaching.isError ? <ErrorNote>{errorText(teaching.error)}</ErrorNote> : null}
    </form>
  );
}

function useTeaching(trackId: string) {
  const queries = useQueryClient();
  const { teach } = useClassifierActions();
  return useMutation({
    mutationFn: async ({ name, label, span }: { name: string; label: string; span: Span | null }) => {
      await changeLabels(trackId, span, [{ label, state: "confirmed" }]);
      await teach.mutateAsync({ name, body: taughtWith(await readClassifier(name), label) });
    },
    onSettled: () => Promise.all([["track", trackId], ["tracks"]].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}
