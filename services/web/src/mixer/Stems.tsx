import type { Job, Track } from "../api/client";
import { inWords } from "../api/problem";
import { failureInWords, taskInWords } from "../jobs/words";
import type { Explanation } from "../track/explanation";
import { useAsk } from "../track/queries";
import { newestTask } from "../track/results";
import { BadNote, Button, ProgressBar, Skeleton } from "../ui/controls";
import { Mixer } from "./Mixer";
import "./mixer.css";
import { tooLong, useStems } from "./queries";

type Props = { track: Track; jobs: Job[]; explanation: Explanation };

/** The recording taken apart: the mixer where it was, else the way to have it done. */
export default function Stems({ track, jobs, explanation }: Props) {
  const found = useStems(track.id, jobs);
  if (!found.made) return <TakeApart track={track} jobs={jobs} />;
  if (found.isPending) return <Skeleton height={240} />;
  if (found.isError) {
    return <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>;
  }
  if (tooLong(found.data)) {
    return (
      <p className="note">
        These stems are too long to be mixed in a page. <code>phonoscope analyze --save</code> fetches them.
      </p>
    );
  }
  return <Mixer key={found.data.job_id} track={track} stems={found.data} explanation={explanation} />;
}

function TakeApart({ track, jobs }: { track: Track; jobs: Job[] }) {
  const { ask, asking, job, problem } = useAsk(track.id);
  const earlier = newestTask(jobs, "separate");
  const task = job?.tasks[0] ?? (earlier?.status === "failed" ? null : earlier);
  const failure = problem ?? (earlier?.status === "failed" ? failureInWords(earlier) : null);
  if (task && (task.status === "running" || task.status === "queued")) {
    return (
      <div className="stack apart" role="status">
        <span>{taskInWords(task)}</span>
        <ProgressBar share={task.progress} label="Taking the recording apart" />
      </div>
    );
  }
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
