import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, dataOf, type Track } from "../api/client";
import { errorText } from "../api/problem";
import { Button, ErrorNote } from "../ui/controls";
import { announce } from "../ui/live";

const LONGEST_NAME = 255;
const LONGEST_NOTES = 4_000;

type Change = { name?: string | null; notes?: string };
type Props = { track: Track; onDone: () => void };

/** Names a recording, or gives it back its file's name. */
export function RenameForm({ track, onDone }: Props) {
  const { id, name, filename } = track;
  const [text, setText] = useState(name ?? filename);
  const change = useChange(track, onDone);
  return (
    <Form change={change} onSave={() => change.mutate({ name: text.trim() || null })}>
      <input
        className="field"
        aria-label="Name"
        data-focused
        maxLength={LONGEST_NAME}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {name ? (
        <Button disabled={change.isPending} onClick={() => change.mutate({ name: null })} key={id}>
          Use the file's name
        </Button>
      ) : null}
    </Form>
  );
}

/** What the owner notes of a recording. */
export function NotesForm({ track, onDone }: Props) {
  const [text, setText] = useState(track.notes ?? "");
  const change = useChange(track, onDone);
  return (
    <Form change={change} onSave={() => change.mutate({ notes: text })}>
      <textarea
        className="field"
        aria-label="Notes"
        data-focused
        rows={8}
        maxLength={LONGEST_NOTES}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <p className="small quiet">You alone see them: a shared link does not show them.</p>
    </Form>
  );
}

type FormProps = { change: ReturnType<typeof useChange>; onSave: () => void; children: ReactNode };

function Form({ change, onSave, children }: FormProps) {
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSave();
      }}
    >
      {children}
      {change.isError ? <ErrorNote>{errorText(change.error)}</ErrorNote> : null}
      <Button main type="submit" disabled={change.isPending}>
        Save
      </Button>
    </form>
  );
}

/** Changes what the form was opened with: a change that was made elsewhere meanwhile is not overwritten. */
function useChange({ id, revision }: Track, onDone: () => void) {
  const queries = useQueryClient();
  const [known] = useState(revision ?? 0);
  return useMutation({
    mutationFn: async (body: Change) => {
      const params = { path: { track_id: id }, header: { "if-match": `"${known}"` } };
      return dataOf(await api.PATCH("/v1/tracks/{track_id}", { params, body }));
    },
    onSuccess: (track) => {
      queries.setQueryData(["track", id], track);
      announce("Saved.");
      onDone();
    },
    onSettled: () => Promise.all([["tracks"], ["track", id], ["map"]].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}
