import { Link } from "wouter";
import type { Task, Track } from "../api/client";
import { inWords } from "../api/problem";
import { failureInWords, taskInWords } from "../api/words";
import { useSeparators } from "../models/queries";
import type { Explanation } from "../state/explanation";
import { useAsk } from "../state/ask";
import { useStems } from "../state/queries";
import { useTrackState } from "../state/TrackStateProvider";
import { BadNote, Button, ProgressBar, Select, Skeleton } from "../ui/controls";
import { Mixer } from "./Mixer";
import "./mixer.css";
import { tooLong } from "./queries";

type Props = { track: Track; explanation: Explanation };

/** The recording taken apart: the mixer where it was, else the way to have it done. */
export default function Stems({ track, explanation }: Props) {
  const found = useStems(track.id);
  if (!found.made) return <TakeApart track={track} />;
  if (found.isPending) return <Skeleton height={240} />;
  if (found.isError) {
    return <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>;
  }
  return (
    <div className="stack">
      {tooLong(found.data) ? (
        <p className="note">
          These stems are too long to be mixed in a page. <code>phonoscope analyze --save</code> fetches them.
        </p>
      ) : (
        <Mixer key={found.data.job_id} track={track} stems={found.data} explanation={explanation} />
      )}
      <TakenApartBy model={found.data.model["name"] ?? ""} track={track} />
    </div>
  );
}

/** Which model took it apart. Another may, and its stems are shown once they are there. */
function TakenApartBy({ model, track }: { model: string; track: Track }) {
  const { ask, underWay, failure } = useSeparation(track);
  const served = useSeparators().data?.map(({ name }) => name) ?? [];
  const again = (name: string) => ask({ tasks: ["separate"], options: { separate: { model: name } } });
  return (
    <>
      {failure ? <BadNote>{failure}</BadNote> : null}
      {underWay ? (
        <UnderWay task={underWay} />
      ) : (
        <p className="small quiet row">
          <Select label="by" name="Model that takes apart" value={model} options={[...new Set([...served, model])]} onChange={again} />
          <Link href="/models">how well it does</Link>
        </p>
      )}
    </>
  );
}

function TakeApart({ track }: { track: Track }) {
  const { ask, asking, underWay, failure } = useSeparation(track);
  if (underWay) return <UnderWay task={underWay} />;
  return (
    <div className="stack">
      {failure ? <BadNote>{failure}</BadNote> : null}
      <div className="row wrap">
        <Button main disabled={asking} onClick={() => ask({ tasks: ["separate"] })}>
          {failure ? "Try again" : "Take it apart"}
        </Button>
        <span className="quiet">into vocals, drums, bass and the rest, to be heard one by one and mixed anew</span>
      </div>
    </div>
  );
}

function UnderWay({ task }: { task: Task }) {
  return (
    <div className="stack apart" role="status">
      <span>{taskInWords(task)}</span>
      <ProgressBar share={task.progress} label="Taking the recording apart" />
    </div>
  );
}

/** The track's newest separation, as far as it is under way or has failed, and how to ask for one. */
function useSeparation(track: Track) {
  const { ask, asking, job, problem } = useAsk(track.id);
  const earlier = useTrackState().state.task("separate");
  const task = job?.tasks[0] ?? earlier;
  const underWay = task?.status === "running" || task?.status === "queued" ? task : null;
  return { ask, asking, underWay, failure: problem ?? (earlier?.status === "failed" ? failureInWords(earlier) : null) };
}
