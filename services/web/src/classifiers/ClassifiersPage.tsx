import { useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { errorText } from "../api/problem";
import { Writes } from "../state/mayWrite";
import { Button, ErrorNote, Skeleton } from "../ui/controls";
import { labelText } from "../ui/format";
import { useTitle } from "../ui/title";
import "./classifiers.css";
import { NewClassifier } from "./NewClassifier";
import { type Classifier, useClassifierActions, useOwnClassifiers } from "./queries";
import { accuracyText, nameFrom, STATES, tooFewText } from "./words";

/** The classifiers of one's own, and what makes or imports one. */
export default function ClassifiersPage() {
  const found = useOwnClassifiers();
  const [adding, setAdding] = useState(false);
  useTitle("Classifiers");
  return (
    <main id="main" className="page page--narrow stack own-page">
      <div className="row spread wrap">
        <h1>Classifiers</h1>
        <Writes>
          <div className="row wrap">
            <Import />
            <Button main aria-expanded={adding} onClick={() => setAdding(!adding)}>
              New classifier
            </Button>
          </div>
        </Writes>
      </div>
      {adding ? <NewClassifier onCancel={() => setAdding(false)} /> : null}
      {found.isPending ? <Skeleton height={160} /> : null}
      {found.isError ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.data?.length === 0 && !adding ? (
        <p className="empty">
          There is no classifier yet.{" "}
          <Writes>
            Confirm labels of some recordings, or mark results of a search as “like these” and “not like these”: a classifier is taught
            from them in seconds.
          </Writes>
        </p>
      ) : null}
      {found.data?.length ? (
        <ul className="taught" aria-label="Your classifiers">
          {found.data.map((one) => (
            <Row key={one.name} one={one} />
          ))}
        </ul>
      ) : null}
    </main>
  );
}

function Row({ one }: { one: Classifier }) {
  const { name, state, labels, figures } = one;
  return (
    <li className="taught__row">
      <Link href={`/classifiers/${name}`} className="taught__name clip">
        {name}
      </Link>
      <span className={`small taught__state taught__state--${state}`}>{STATES[state]}</span>
      <span className="quiet clip taught__labels" title={labels.map(labelText).join(", ")}>
        {labels.map(labelText).join(", ")}
      </span>
      <span className="taught__figure">
        {one.version ? accuracyText(figures) : "not taught yet"}
        {one.version && tooFewText(figures) && figures?.accuracy !== null ? <span className="small quiet"> {tooFewText(figures)}</span> : null}
      </span>
    </li>
  );
}

/** Takes a file that a classifier was exported to. */
function Import() {
  const [, go] = useLocation();
  const { bring } = useClassifierActions();
  const chooser = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const done = () => {
    setFile(null);
    bring.reset();
  };
  if (!file) {
    return (
      <>
        <Button icon="upload" onClick={() => chooser.current?.click()}>
          Import
        </Button>
        <input
          ref={chooser}
          className="unseen"
          type="file"
          accept=".zip"
          tabIndex={-1}
          aria-label="A classifier's file to import"
          onChange={({ currentTarget }) => {
            const [chosen] = currentTarget.files ?? [];
            if (chosen) {
              setFile(chosen);
              setName(nameFrom(chosen.name.replace(/(-\d+)?\.zip$/i, "")));
            }
            currentTarget.value = "";
          }}
        />
      </>
    );
  }
  return (
    <form
      className="row wrap"
      aria-label={`Import ${file.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        bring.mutate({ name, file }, { onSuccess: (made) => go(`/classifiers/${made.name}`) });
      }}
    >
      <label className="labelled">
        as
        <input className="field" aria-label="Name of the imported classifier" required value={name} onChange={(event) => setName(event.currentTarget.value)} />
      </label>
      <Button main type="submit" disabled={bring.isPending || !name}>
        {bring.isPending ? "Importing …" : "Import it"}
      </Button>
      <Button onClick={done}>Cancel</Button>
      {bring.isError ? <ErrorNote>{errorText(bring.error)}</ErrorNote> : null}
    </form>
  );
}
