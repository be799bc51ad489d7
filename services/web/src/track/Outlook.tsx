import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import type { Job, Track } from "../api/client";
import { failureInWords, taskInWords } from "../api/words";
import { BadNote, Button, ProgressBar, Skeleton } from "../ui/controls";
import { Described } from "./Described";
import type { Explanation } from "../state/explanation";
import { Heard } from "./Heard";
import { useListener } from "../state/listener";
import { useAsk } from "../state/ask";
import { ANALYSIS } from "../state/requests";
import { newest, newestTask } from "../state/results";
import { Why } from "./Why";

const FeatureMaps = lazy(() => import("./FeatureMaps"));
const Stems = lazy(() => import("../mixer/Stems"));
const Similar = lazy(() => import("./Similar"));

type Props = { track: Track; jobs: Job[] | undefined; explanation: Explanation };

/** What lies below the time axis: what, why and how; inside the network; the stems; what sounds alike. */
export function Outlook({ track, jobs, explanation }: Props) {
  const ready = jobs !== undefined;
  // The parts that an address may name are not there yet when the browser looks for them.
  useEffect(() => {
    if (ready) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [ready]);
  if (!jobs) return <Skeleton height={240} />;
  return (
    <>
      <nav className="anchors" aria-label="Parts of this page">
        <a href="#what">what it hears</a>
        <a href="#inside">inside the network</a>
        <a href="#stems">stems</a>
        <a href="#alike">sounds like this</a>
      </nav>
      <Pending trackId={track.id} jobs={jobs} />
      <div id="what" className="trio">
        <Heard trackId={track.id} classified={newest(jobs, "classify")} explanation={explanation} />
        <Why explanation={explanation} />
        <Described described={newest(jobs, "describe")} />
      </div>
      <WhenSeen id="inside" title="Inside the network" height={200}>
        <FeatureMaps features={newest(jobs, "features")} trackId={track.id} />
      </WhenSeen>
      <WhenSeen id="stems" title="Stems" height={240}>
        <Stems track={track} jobs={jobs} explanation={explanation} />
      </WhenSeen>
      <WhenSeen id="alike" title="Sounds like this" height={240}>
        <Similar track={track} jobs={jobs} />
      </WhenSeen>
    </>
  );
}

/** Tasks of this track that have not ended; those that failed and can be tried again; what was never asked. */
function Pending({ trackId, jobs }: { trackId: string; jobs: Job[] }) {
  const { ask, asking, problem } = useAsk(trackId);
  const active = jobs.flatMap((job) => job.tasks).filter(({ status }) => status === "running" || status === "queued");
  const { listened } = useListener();
  const missing = newestTask(jobs, "classify") === null && listened.length === 0;
  const failed = ANALYSIS.flatMap((name) => newestTask(jobs, name) ?? []).filter(({ status }) => status === "failed");
  if (active.length) {
    return (
      <ul className="pending" aria-label="At work">
        {active.map((task) => (
          <li key={`${task.name}${task.attempt}`} className="pending__task">
            <span>{task.name}</span>
            <span className="quiet small" role="status">
              {taskInWords(task)}
            </span>
            <ProgressBar share={task.progress} label={task.name} />
          </li>
        ))}
      </ul>
    );
  }
  if (failed.length) {
    return (
      <BadNote
        action={
          <Button icon="retry" disabled={asking} onClick={() => ask({ tasks: failed.map(({ name }) => name) })}>
            Try again
          </Button>
        }
      >
        {failed.map((task) => `${task.name}: ${failureInWords(task)}`).join(" ")}
      </BadNote>
    );
  }
  if (!missing) return null;
  return (
    <div className="note">
      <span>{problem ?? "Nobody has listened to this recording yet."}</span>
      <Button main disabled={asking} onClick={() => ask({ tasks: ANALYSIS })}>
        Listen to it
      </Button>
    </div>
  );
}

type SectionProps = { id: string; title: string; height: number; children: ReactNode };

/** A part of the page whose script and data are fetched when it comes into sight. */
function WhenSeen({ id, title, height, children }: SectionProps) {
  const section = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true),
      { rootMargin: "200px" },
    );
    if (section.current) observer.observe(section.current);
    return () => observer.disconnect();
  }, []);
  return (
    <section ref={section} id={id} className="part" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <div style={{ minHeight: height }}>
        {seen ? <Suspense fallback={<Skeleton height={height} />}>{children}</Suspense> : <Skeleton height={height} />}
      </div>
    </section>
  );
}
