import { useState } from "react";
import { useLocation } from "wouter";
import { errorText } from "../../api/problem";
import { useMayWrite } from "../../state/mayWrite";
import { Button, ErrorNote, IconButton } from "../../ui/controls";
import { time } from "../../ui/format";
import { useClassifierActions } from "../queries";
import { counted } from "../words";
import { clearMarks, type Mark, requestFrom, toggleMark, useMarks } from "./marks";

const LONGEST = 96;

/** What was marked, and a button that makes a classifier of it. Nothing while nothing is marked, or for those who may only read. */
export function MarkTray({ suggested = "" }: { suggested?: string }) {
  const marks = useMarks();
  const mayWrite = useMayWrite();
  return mayWrite && marks.length ? <Tray marks={marks} suggested={suggested} /> : null;
}

function Tray({ marks, suggested }: { marks: readonly Mark[]; suggested: string }) {
  const [, go] = useLocation();
  const [typed, setTyped] = useState<string | null>(null);
  const { create } = useClassifierActions();
  const label = typed ?? suggested;
  const request = requestFrom(marks, label);
  const [likes, others] = [true, false].map((like) => marks.filter((mark) => mark.like === like)) as [Mark[], Mark[]];
  const make = () => {
    if (!request) return;
    create.mutate(request, {
      onSuccess: (made) => {
        clearMarks();
        go(`/classifiers/${made.name}`);
      },
    });
  };
  return (
    <section className="tray" aria-label="What you marked">
      <details>
        <summary>
          <span role="status">
            {likes.length} like these, {others.length} not like these
          </span>
        </summary>
        <Listed title="Like these" marks={likes} />
        <Listed title="Not like these" marks={others} />
      </details>
      <form
        className="row wrap"
        onSubmit={(event) => {
          event.preventDefault();
          make();
        }}
      >
        <input
          className="field"
          aria-label="What these are"
          placeholder="what these are"
          maxLength={LONGEST}
          value={label}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button main type="submit" disabled={!request || create.isPending}>
          {create.isPending ? "Asking …" : "Make a classifier of it"}
        </Button>
        <Button onClick={clearMarks}>Clear</Button>
      </form>
      <Missing likes={likes.length} others={others.length} named={label.trim() !== ""} />
      {create.isError ? <ErrorNote>{errorText(create.error)}</ErrorNote> : null}
    </section>
  );
}

function Missing({ likes, others, named }: { likes: number; others: number; named: boolean }) {
  if (!likes) return <p className="small quiet">Mark one at least that is like these.</p>;
  if (!others) return <p className="small quiet">Mark one at least that is not like these: it learns from the difference.</p>;
  return named ? null : <p className="small quiet">Say what these are.</p>;
}

function Listed({ title, marks }: { title: string; marks: readonly Mark[] }) {
  if (!marks.length) return null;
  return (
    <>
      <p className="small quiet">{title}</p>
      <ul aria-label={`${title}: ${counted(marks.length, "mark")}`}>
        {marks.map((mark) => (
          <li key={`${mark.trackId} ${mark.startS ?? ""}`} className="row">
            <span className="clip">
              {mark.name}
              {mark.startS === undefined ? "" : ` at ${time(mark.startS)}`}
            </span>
            <IconButton icon="close" label={`Take the mark of ${mark.name} away`} onClick={() => toggleMark(mark, mark.like)} />
          </li>
        ))}
      </ul>
    </>
  );
}
