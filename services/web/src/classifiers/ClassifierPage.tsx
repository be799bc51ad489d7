import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiProblem, errorText, sentence } from "../api/problem";
import { taskText } from "../api/taskText";
import { useStore } from "../sound/store";
import { Writes } from "../state/mayWrite";
import { Button, ErrorNote, ProgressBar, Skeleton } from "../ui/controls";
import { useFocusBack } from "../ui/focus";
import { ago } from "../ui/format";
import { useTitle } from "../ui/title";
import { Applying } from "./Applying";
import "./classifiers.css";
import { Doubts } from "./Doubts";
import { FiguresOf } from "./Figures";
import { type Classifier, isTaught, teachingOf, useClassifier, useClassifierActions, useJob, wasImported } from "./queries";
import { outboxOf } from "./outbox";
import { Unsent } from "./Unsent";
import { Versions } from "./Versions";
import { counted, STATES } from "./words";

/** The card of a classifier: what it was taught, how well it does, and what can be done with it. */
export default function ClassifierPage({ name }: { name: string }) {
  const found = useClassifier(name);
  useTitle(name);
  return (
    <main id="main" className="page page--narrow stack own-page">
      <div className="row wrap">
        <Link href="/classifiers" className="quiet">
          Classifiers
        </Link>
        <h1 className="clip">{name}</h1>
      </div>
      {found.isPending ? <Skeleton height={320} /> : null}
      {found.isError && (!found.data || isGone(found.error)) ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.data && !isGone(found.error) ? <Card one={found.data} /> : null}
    </main>
  );
}

function isGone(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 404;
}

function Card({ one }: { one: Classifier }) {
  const { name, version, figures, doubts } = one;
  return (
    <>
      <State one={one} />
      <Writes>
        <Answers name={name} />
        <Teaching one={one} />
      </Writes>
      {figures ? <FiguresOf figures={figures} several={one.multi_label} /> : null}
      {wasImported(one) ? <p className="quiet">It was imported: nothing is known of how often it is right with your recordings.</p> : null}
      {figures?.left_out?.length ? <LeftOut texts={figures.left_out} /> : null}
      {doubts.length ? <Doubts doubts={doubts} /> : null}
      {version ? <Applying one={one} /> : null}
      {version ? <Versions name={name} newest={version} /> : null}
      <Facts one={one} />
      <Writes>
        <Deletion name={name} />
      </Writes>
    </>
  );
}

/** The answers of its review that the service does not have yet, which are sent now. */
function Answers({ name }: { name: string }) {
  const outbox = useMemo(() => outboxOf(name), [name]);
  const waiting = useStore(outbox.waiting);
  useEffect(() => void outbox.flush(), [outbox]);
  return <Unsent outbox={outbox} waiting={waiting} />;
}

/** The way to its review, and what has it taught again. */
function Teaching({ one }: { one: Classifier }) {
  const { name, state, version, queue } = one;
  const { teach } = useClassifierActions();
  const busy = isTaught(state);
  // Of its own, since a mutation is pending only a moment after the click, in which the box would jump back.
  const [asked, setAsked] = useState<boolean | null>(null);
  const reteach = asked ?? one.reteach;
  const setReteach = (wanted: boolean) => {
    setAsked(wanted);
    teach.mutate({ name, body: { ...teachingOf(one), reteach: wanted } }, { onSettled: () => setAsked(null) });
  };
  return (
    <>
      <div className="row wrap">
        {version ? (
          <Link href={`/classifiers/${name}/review`} className="button button--main">
            Review {queue ? counted(queue, "window") : "windows"}
          </Link>
        ) : null}
        <Button disabled={teach.isPending} onClick={() => teach.mutate({ name, body: teachingOf(one) })}>
          {busy ? "Teach it once more after this" : version ? "Teach it again" : "Teach it"}
        </Button>
        <label className="row">
          <input type="checkbox" checked={reteach} disabled={teach.isPending} onChange={() => setReteach(!reteach)} />
          teach it again when my labels change
        </label>
      </div>
      {teach.isError ? <ErrorNote>{errorText(teach.error)}</ErrorNote> : null}
    </>
  );
}

/** Where its teaching is, in words; why the last one failed. */
function State({ one }: { one: Classifier }) {
  const { state, version, problem, taught_at, erased, shadowed, name, job_id } = one;
  const job = useJob(job_id, state === "teaching").data;
  const task = state === "teaching" ? job?.tasks[0] : undefined;
  return (
    <>
      <p role="status" className={`taught__state taught__state--${state}`}>
        {version ? `Version ${version}, taught ${taught_at ? ago(taught_at) : "elsewhere"}. ` : ""}
        {state === "ready" ? "" : state === "failed" ? "The last teaching failed." : `${sentence(`${version ? "a newer one is " : "it is "}${STATES[state]}`)}`}
        {task && task.status !== "succeeded" ? ` ${sentence(taskText(task))}` : ""}
      </p>
      {task?.status === "running" ? <ProgressBar share={task.progress} label="teaching" /> : null}
      {state === "failed" && problem ? <ErrorNote>{sentence(problem.detail)}</ErrorNote> : null}
      {erased ? <p className="note">A recording that it was taught from was erased since: teach it again, so that nothing of it is left.</p> : null}
      {shadowed ? (
        <p className="note">A model of this service has the name “{name}” too: jobs that name it get that model. Import it under another name to use it.</p>
      ) : null}
    </>
  );
}

function LeftOut({ texts }: { texts: readonly string[] }) {
  return (
    <details className="note">
      <summary>{counted(texts.length, "example")} could not be embedded and {texts.length === 1 ? "was" : "were"} left out</summary>
      <ul>
        {texts.map((text) => (
          <li key={text}>{sentence(text)}</li>
        ))}
      </ul>
    </details>
  );
}

function Facts({ one }: { one: Classifier }) {
  const { name, space, space_chosen_by, multi_label, confirmed, examples } = one;
  const { teach } = useClassifierActions();
  const given = examples ? `${counted(examples, "example")} that you gave` : "";
  const said = confirmed ? "what you confirm and reject" : "what you say of its labels since";
  const from = wasImported(one) ? "a file" : [given, said].filter(Boolean).join(" and ");
  return (
    <section className="stack" aria-labelledby="about">
      <h2 id="about">About it</h2>
      <p>
        Taught from {from}, in the space of {space.model}, {space_chosen_by === "itself" ? "which each teaching chooses" : "which stays"}. {multi_label ? "Several labels can hold at once." : "One label holds at a time."}{" "}
        Jobs and searches use it by its name, as any model.
      </p>
      {space_chosen_by === "itself" ? null : (
        <Writes>
          <div className="row wrap">
            <Button disabled={teach.isPending} onClick={() => teach.mutate({ name, body: { ...teachingOf(one), space: "auto" } })}>
              Teach it again in the space that suits it best
            </Button>
          </div>
        </Writes>
      )}
      {teach.isError ? <ErrorNote>{errorText(teach.error)}</ErrorNote> : null}
    </section>
  );
}

function Deletion({ name }: { name: string }) {
  const [, go] = useLocation();
  const { remove } = useClassifierActions();
  const [sure, setSure] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useFocusBack(box, sure ? "delete" : null);
  return (
    <div ref={box} className="row wrap">
      {sure ? (
        <>
          <span>Delete it, its versions and the labels that it gave?</span>
          <Button disabled={remove.isPending} onClick={() => remove.mutate(name, { onSuccess: () => go("/classifiers") })}>
            Delete
          </Button>
          <Button autoFocus onClick={() => setSure(false)}>
            Keep
          </Button>
        </>
      ) : (
        <Button data-opens="delete" onClick={() => setSure(true)}>
          Delete it
        </Button>
      )}
      {remove.isError ? <ErrorNote>{errorText(remove.error)}</ErrorNote> : null}
    </div>
  );
}
