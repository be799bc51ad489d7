import { Link } from "wouter";
import type { Task, Track } from "../api/client";
import { errorText } from "../api/problem";
import { failureText, secondsText, taskText } from "../api/taskText";
import { useSeparators } from "../models/queries";
import type { Explanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { useSubmit } from "../state/submit";
import { useStems } from "../state/queries";
import { useTrackState } from "../state/TrackStateProvider";
import { ErrorNote, Button, ProgressBar, Select, Skeleton } from "../ui/controls";
import { bytes } from "../ui/format";
import { AllStems } from "./AllStems";
import { Mixer } from "./Mixer";
import "./mixer.css";
import { betterThan } from "./separators";
import { tooLong } from "./queries";
import { TooLong } from "./TooLong";

type Props = { track: Track; explanation: Explanation };

/** The mixer when the track has stems, else a button that separates it, for those who may write. */
export default function Stems({ track, explanation }: Props) {
  const found = useStems(track.id);
  if (!found.made) return <Separation track={track} />;
  if (found.isPending) return <Skeleton height="var(--mixer-room)" />;
  if (found.isError) {
    return <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>;
  }
  return (
    <div className="stack">
      {tooLong(found.data) ? (
        <>
          <TooLong stems={found.data} />
          <div className="export">
            <AllStems track={track} />
          </div>
        </>
      ) : (
        <Mixer key={found.data.job_id} track={track} stems={found.data} explanation={explanation} />
      )}
      <SeparationModel model={found.data.model.name ?? ""} track={track} />
    </div>
  );
}

/** Which model separated the track. Another one can; its stems replace these when they are ready. */
function SeparationModel({ model, track }: { model: string; track: Track }) {
  const { submit, submitting, unfinished, failure } = useSeparation(track);
  const names = useSeparators().data?.map(({ name }) => name) ?? [];
  const mayWrite = useMayWrite();
  const again = (name: string) => submit({ tasks: ["separate"], options: { separate: { model: name } } });
  return (
    <>
      {failure ? <ErrorNote>{failure}</ErrorNote> : null}
      {unfinished ? (
        <Progress task={unfinished} />
      ) : (
        <div className="small quiet row wrap">
          <span>Taken apart by {mayWrite ? "" : model}</span>
          {mayWrite ? (
            <>
              <Select label="model" name="Separation model" value={model} options={[...new Set([...names, model])]} onChange={again} />
              <Better model={model} served={names} durationS={track.duration_s} busy={submitting} onAsk={again} />
            </>
          ) : null}
          <Link href="/models">how well each model separates</Link>
        </div>
      )}
    </>
  );
}

type BetterProps = { model: string; served: readonly string[]; durationS: number; busy: boolean; onAsk: (name: string) => void };

/** Offers the best model that is known to separate better, with its size and its time; the command that pulls it where it is not served. */
function Better({ model, served, durationS, busy, onAsk }: BetterProps) {
  const better = betterThan(model);
  if (!better) return null;
  const { name, sizeBytes } = better;
  const about = `${bytes(sizeBytes)}, about ${secondsText(durationS * better.secondsPerSecond)} on two processor cores`;
  if (!served.includes(name)) {
    return (
      <span>
        {name} separates better ({about}): run <code>phonoscope models pull {name}</code>
      </span>
    );
  }
  return (
    <Button disabled={busy} onClick={() => onAsk(name)}>
      Separate better with {name} · {about}
    </Button>
  );
}

function Separation({ track }: { track: Track }) {
  const { submit, submitting, unfinished, failure } = useSeparation(track);
  const mayWrite = useMayWrite();
  // The mixer takes this room: what is below does not move when it appears.
  if (unfinished || submitting) {
    return <div className="mixer-room">{unfinished ? <Progress task={unfinished} /> : null}</div>;
  }
  return (
    <div className="stack">
      {failure ? <ErrorNote>{failure}</ErrorNote> : null}
      {mayWrite ? (
        <div className="row wrap">
          <Button main onClick={() => submit({ tasks: ["separate"] })}>
            {failure ? "Try again" : "Separate the stems"}
          </Button>
          <span className="quiet">into vocals, drums, bass and the rest; then play each of them, and mix them</span>
        </div>
      ) : failure ? null : (
        <p className="quiet">It has not been taken apart.</p>
      )}
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
