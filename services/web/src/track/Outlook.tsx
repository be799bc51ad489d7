import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import type { Track } from "../api/client";
import { failureInWords, taskInWords } from "../api/words";
import { BadNote, Button, ProgressBar, Skeleton } from "../ui/controls";
import { Described } from "./Described";
import type { Explanation } from "../state/explanation";
import { Heard } from "./Heard";
import { useAsk } from "../state/ask";
import { ANALYSIS } from "../state/requests";
import { useTrackState } from "../state/TrackStateProvider";
import { Why } from "./Why";

const FeatureMaps = lazy(() => import("./FeatureMaps"));
const Stems = lazy(() => import("../mixer/Stems"));
const Similar = lazy(() => import("./Similar"));

type Props = { track: Track; explanation: Explanation };

/** What lies below the time axis: what, why and how; inside the network; the stems; what sounds alike. */
export function Outlook({ track, explanation }: Props) {
  const { loaded } = useTrackState();
  // The parts that an address may name are not there yet when the browser looks for them.
  useEffect(() => {
    if (loaded) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [loaded]);
  if (!loaded) return <Skeleton height={240} />;
  return (
    <>
      <nav className="anchors" aria-label="Parts of this page">
        <a href="#what">what it hears</a>
        <a href="#inside">inside the network</a>
        <a href="#stems">stems</a>
        <a href="#alike">sounds like this</a>
      </nav>
      <Pending trackId={track.id} />
      <div id="what" className="trio">
        <Heard trackId={track.id} explanation={explanation} />
        <Why explanation={explanation} />
        <Described />
      </div>
      <WhenSeen id="inside" title="Inside the network" height={200}>
        <FeatureMaps trackId={track.id} />
      </WhenSeen>
      <WhenSeen id="stems" title="Stems" height={240}>
        <Stems track={track} explanation={explanation} />
      </WhenSeen>
      <WhenSeen id="alike" title="Sounds like this" height={240}>
        <Similar track={track} />
      </WhenSeen>
    </>
  );
}

/** Tasks of this track that have not ended; those that failed and can be tried again; what was never asked. */
function Pending({ trackId }: { trackId: string }) {
  const { state } = useTrackState();
  const { ask, asking, problem } = useAsk(trackId);
  const { active } = state;
  const missing = state.task("classify") === null && state.models.length === 0;
  const failed = ANALYSIS.flatMap((name) => state.task(name) ?? []).filter(({ status }) => status === "failed");
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
