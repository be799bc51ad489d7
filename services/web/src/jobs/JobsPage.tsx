import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link } from "wouter";
import { api, dataOf, type Job, type Status, type Task } from "../api/client";
import { errorText } from "../api/problem";
import { hasEnded } from "../api/watch";
import { ErrorNote, Button, Choice, ProgressBar, Skeleton } from "../ui/controls";
import { useFocusKept } from "../ui/focus";
import { ago } from "../ui/format";
import { titleOf } from "../ui/tags";
import "./jobs.css";
import { Queues } from "./Queues";
import { Writes } from "../state/mayWrite";
import { useTrack } from "../state/queries";
import { failureText, jobText, taskText } from "../api/taskText";

const EVERY_MS = 2_000;
const KINDS = [
  { value: "all", text: "all" },
  { value: "queued", text: "waiting" },
  { value: "running", text: "running" },
  { value: "succeeded", text: "done" },
  { value: "failed", text: "failed" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

/** The jobs, newest first. */
export default function JobsPage() {
  const [kind, setKind] = useState<Kind>("all");
  const found = useJobs(kind === "all" ? null : kind);
  const jobs = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <main id="main" className="page page--narrow stack">
      <div className="row spread wrap">
        <h1>Jobs</h1>
        <Choice label="Which jobs" value={kind} options={KINDS} onChange={setKind} />
      </div>
      <Queues />
      {found.isPending ? <Skeleton height={320} /> : null}
      {found.isError ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.isSuccess && jobs.length === 0 ? <p className="empty">No job has this status.</p> : null}
      <ul>
        {jobs.map((job) => (
          <JobRow key={job.id} job={job} />
        ))}
      </ul>
      {found.hasNextPage ? <Button onClick={() => void found.fetchNextPage()}>Older jobs</Button> : null}
    </main>
  );
}

function useJobs(status: Status | null) {
  return useInfiniteQuery({
    queryKey: ["jobs", "list", status],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: 30, ...(status && { status }), ...(pageParam && { cursor: pageParam }) };
      return dataOf(await api.GET("/v1/jobs", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some((job) => !hasEnded(job))) ? EVERY_MS : EVERY_MS * 5,
  });
}

function JobRow({ job }: { job: Job }) {
  const cancel = useCancel(job);
  // A running job ends a while after it was cancelled, and its button goes only then.
  const cancelling = cancel.isPending || (cancel.isSuccess && !hasEnded(job));
  const row = useRef<HTMLLIElement>(null);
  useFocusKept(row, cancelling);
  return (
    <li ref={row} className="job">
      <div className="row spread wrap">
        {job.track_id ? <Recording id={job.track_id} /> : <OfLibrary job={job} />}
        <span className="mono small quiet">{job.id}</span>
        <span className={`job__state job__state--${job.status}`}>{jobText(job)}</span>
        <span className="quiet small">{ago(job.created_at)}</span>
        {hasEnded(job) ? null : (
          <Writes>
            <Button disabled={cancelling} onClick={() => cancel.mutate()} aria-label={`Cancel ${job.id}`}>
              {cancel.isError ? errorText(cancel.error) : "Cancel"}
            </Button>
          </Writes>
        )}
      </div>
      <ul className="job__tasks">
        {job.tasks.map((task) => (
          <TaskLine key={task.name} task={task} />
        ))}
      </ul>
    </li>
  );
}

function OfLibrary({ job: { tasks } }: { job: Job }) {
  if (tasks.some(({ name }) => name === "map")) return <Link href="/?view=map">Map of the library</Link>;
  return <Link href="/classifiers">Classifiers</Link>;
}

function Recording({ id }: { id: string }) {
  const track = useTrack(id).data;
  return (
    <Link href={`/tracks/${id}`} className="clip">
      {track ? titleOf(track) : id}
    </Link>
  );
}

function useCancel(job: Job) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => api.POST("/v1/jobs/{job_id}/cancel", { params: { path: { job_id: job.id } } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["jobs"] }),
  });
}

function TaskLine({ task }: { task: Task }) {
  const device = task.device ? ` on ${task.device}` : "";
  return (
    <li className="job__task">
      <span>{task.name}</span>
      {task.status === "failed" ? (
        <span className="job__bad">{failureText(task)}</span>
      ) : (
        <span className="quiet">
          {task.cached ? "already computed" : taskText(task)}
          {task.status === "succeeded" && !task.cached ? `${took(task)}${device}` : ""}
        </span>
      )}
      {task.status === "running" ? <ProgressBar share={task.progress} label={`${task.name} of this job`} /> : null}
    </li>
  );
}

function took({ started_at, finished_at }: Task): string {
  if (!started_at || !finished_at) return "";
  const seconds = (Date.parse(finished_at) - Date.parse(started_at)) / 1000;
  return ` in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
