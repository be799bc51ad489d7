import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "wouter";
import { errorText } from "../api/problem";
import { failureText, taskText } from "../api/taskText";
import { hasEnded } from "../api/watch";
import { Writes } from "../state/mayWrite";
import { Button, ErrorNote, ProgressBar } from "../ui/controls";
import { ago } from "../ui/format";
import { type Classifier, useClassifierActions, useJob } from "./queries";
import { counted } from "./words";

/** Labels the whole library, and says how far that is and what changed. */
export function Applying({ one }: { one: Classifier }) {
  const { name, version, applied } = one;
  const { apply } = useClassifierActions();
  const { task, running, unfinished } = useLabelling(one, apply.data?.id ?? null);
  return (
    <section className="stack" aria-labelledby="library">
      <h2 id="library">Your library</h2>
      <p role="status">{applied ? appliedText(applied) : "It has not labelled your library yet."}</p>
      {running && task ? (
        <>
          <p className="quiet small">{taskText(task)}</p>
          <ProgressBar share={task.progress} label="labelling the library" />
        </>
      ) : null}
      {unfinished && task?.status === "failed" ? <ErrorNote>{failureText(task)}</ErrorNote> : null}
      {unfinished && task?.status === "cancelled" ? <p className="note">It was cancelled; what was labelled before has its labels.</p> : null}
      <div className="row wrap">
        <Writes>
          <Button disabled={apply.isPending || running} onClick={() => apply.mutate(name)}>
            {applied && applied.version !== version ? `Label it with version ${version}` : applied ? "Label it again" : "Label my library"}
          </Button>
        </Writes>
        {applied ? <Link href={`/?model=${encodeURIComponent(name)}`}>Show its labels in the library</Link> : null}
      </div>
      {apply.isError ? <ErrorNote>{errorText(apply.error)}</ErrorNote> : null}
    </section>
  );
}

/** The labelling that was asked for here, else the one that the card says is under way; the card is read again as it goes on. */
function useLabelling({ applied }: Classifier, askedId: string | null) {
  const queries = useQueryClient();
  const unfinished = applied !== null && applied.finished_at === null;
  const id = askedId ?? (unfinished ? applied.job_id : null);
  const { data: job, dataUpdatedAt } = useJob(id, true);
  const ended = job ? hasEnded(job) : false;
  useEffect(() => {
    if (!dataUpdatedAt) return;
    for (const queryKey of [["classifiers"], ...(ended ? [["tracks"], ["map"]] : [])]) void queries.invalidateQueries({ queryKey });
  }, [queries, dataUpdatedAt, ended]);
  return { task: job?.tasks[0], running: id !== null && !ended, unfinished };
}

type Applied = NonNullable<Classifier["applied"]>;

/** What a labelling did, in a sentence. */
export function appliedText({ version, tracks, changed, unknown, without_vectors, finished_at }: Applied): string {
  const parts = [`${counted(changed, "has", "have")} other labels than before`, `${counted(unknown, "is", "are")} unknown`, ...(without_vectors ? [`${counted(without_vectors, "has", "have")} no vectors yet`] : [])];
  const when = finished_at ? `labelled your library ${ago(finished_at)}` : "is labelling your library";
  return `Version ${version} ${when}: ${counted(tracks, "recording")}, ${parts.join(", ")}.`;
}
