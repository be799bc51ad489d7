import { Link } from "wouter";
import type { Task, Track } from "../api/client";
import { errorText } from "../api/problem";
import { failureText, taskText } from "../api/taskText";
import { useSeparators } from "../models/queries";
import type { Explanation } from "../state/explanation";
import { useSubmit } from "../state/submit";
import { useStems } from "../state/queries";
import { useTrackState } from "../state/TrackStateProvider";
import { ErrorNote, Button, ProgressBar, Select, Skeleton } from "../ui/controls";
import { Mixer } from "./Mixer";
import "./mixer.css";
import { tooLong } from "./queries";

type Props = { track: Track; explanation: Explanation };

/** The mixer when the track has stems, else a button that separates it. */
export default function Stems({ track, explanation }: Props) {
  const found = useStems(track.id);
  if (!found.made) return <Separation track={track} />;
  if (found.isPending) return <Skeleton height={240} />;
  if (found.isError) {
    return <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>;
  }
  return (
    <div className="stack">
      {tooLong(found.data) ? (
        <p className="note">
          These stems are too long for the mixer of this page. Download them with <code>phonoscope analyze --save</code>.
        </p>
      ) : (
        <Mixer key={found.data.job_id} track={track} stems={found.data} explanation={explanation} />
      )}
      <SeparationModel model={found.data.model.name ?? ""} track={track} />
    </div>
  );
}

/** Which model separated the track. Another one can; its stems replace these when they are ready. */
function SeparationModel({ model, track }: { model: string; track: Track }) {
  const { submit, unfinished, failure } = useSeparation(track);
  const names = useSeparators().data?.map(({ name }) => name) ?? [];
  const again = (name: string) => submit({ tasks: ["separate"], options: { separate: { model: name } } });
  return (
    <>
      {failure ? <ErrorNote>{failure}</ErrorNote> : null}
      {unfinished ? (
        <Progress task={unfinished} />
      ) : (
        <p className="small quiet row">
          <Select label="model" name="Separation model" value={model} options={[...new Set([...names, model])]} onChange={again} />
          <Link href="/models">how well each model separates</Link>
        </p>
      )}
    </>
  );
}

function Separation({ track }: { track: Track }) {
  const { submit, submitting, unfinished, failure } = useSeparation(track);
  if (unfinished) return <Progress task={unfinished} />;
  return (
    <div className="stack">
      {failure ? <ErrorNote>{failure}</ErrorNote> : null}
      <div className="row wrap">
        <Button main disabled={submitting} onClick={() => submit({ tasks: ["separate"] })}>
          {failure ? "Try again" : "Separate the stems"}
        </Button>
        <span className="quiet">into vocals, drums, bass and the rest; then play each of them, and mix them</span>
      </div>
    </div>
  );
}

function Progress({ task }: { task: Task }) {
  return (
    <div className="stack apart" role="status">
      <span>{taskText(task)}</span>
      <ProgressBar share={task.progress} label="Separating the recording" />
    </div>
  );
}

/** The track's newest separation while it waits, runs or has failed, and a function that starts another. */
function useSeparation(track: Track) {
  const { submit, submitting, job, problem } = useSubmit(track.id);
  const earlier = useTrackState().state.task("separate");
  const task = job?.tasks[0] ?? earlier;
  const unfinished = task?.status === "running" || task?.status === "queued" ? task : null;
  return { submit, submitting, unfinished, failure: problem ?? (earlier?.status === "failed" ? failureText(earlier) : null) };
}
