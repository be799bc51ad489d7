import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import type { Track } from "../api/client";
import { failureText, taskText } from "../api/taskText";
import { hasEnded } from "../api/watch";
import { ErrorNote, Button, ProgressBar, Skeleton } from "../ui/controls";
import { Measurements } from "./Measurements";
import type { Explanation } from "../state/explanation";
import { Classification } from "./Classification";
import { Writes } from "../state/mayWrite";
import { useSubmit } from "../state/submit";
import { unmeasuredText } from "../state/absent";
import { ANALYSIS } from "../state/requests";
import { useTrackState } from "../state/TrackStateProvider";
import { Why } from "./Why";

const FeatureMaps = lazy(() => import("./FeatureMaps"));
const Stems = lazy(() => import("../mixer/Stems"));
const Similar = lazy(() => import("./Similar"));

type Props = { track: Track; explanation: Explanation };

/** The sections below the time axis: labels, evidence and measurements; feature maps; stems; similar recordings. */
export function Sections({ track, explanation }: Props) {
  const { state, loaded } = useTrackState();
  // The browser looks for an address's section before the sections are rendered.
  useEffect(() => {
    if (loaded) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [loaded]);
  if (!loaded) return <Skeleton height={240} />;
  return (
    <>
      <nav className="anchors" aria-label="Sections of this page">
        <a href="#what">labels</a>
        <a href="#inside">inside the network</a>
        <a href="#stems">stems</a>
        <a href="#similar">similar recordings</a>
      </nav>
      <Pending trackId={track.id} />
      <div id="what" className="trio">
        <Classification track={track} explanation={explanation} />
        <Why explanation={explanation} />
        <Measurements unmeasured={unmeasuredText(state)} />
      </div>
      <WhenSeen id="inside" title="Inside the network" height={state.has("features") ? 200 : 0}>
        <FeatureMaps trackId={track.id} />
      </WhenSeen>
      <WhenSeen id="stems" title="Stems" height={state.has("separate") ? "var(--mixer-room)" : 0}>
        <Stems track={track} explanation={explanation} />
      </WhenSeen>
      <WhenSeen id="similar" title="Similar recordings" height={state.has("embed") ? 96 : 0}>
        <Similar track={track} />
      </WhenSeen>
    </>
  );
}

/** The tasks that run or wait; else those that failed; else a button that starts the analysis of a new track, for whoever may. */
function Pending({ trackId }: { trackId: string }) {
  const { state } = useTrackState();
  const { submit, submitting, problem } = useSubmit(trackId);
  const active = state.open.flatMap(({ id, tasks }) => tasks.filter((task) => !hasEnded(task)).map((task) => ({ id, task })));
  const missing = state.task("classify") === null && state.labels.length === 0;
  const failed = ANALYSIS.flatMap((name) => state.task(name) ?? []).filter(({ status }) => status === "failed");
  if (active.length) {
    return (
      <ul className="pending" aria-label="Running tasks">
        {active.map(({ id, task }) => (
          <li key={`${id} ${task.name}`} className="pending__task">
            <span>{task.name}</span>
            <span className="quiet small" role="status">
              {taskText(task)}
            </span>
            <ProgressBar share={task.progress} label={task.name} />
          </li>
        ))}
      </ul>
    );
  }
  if (failed.length) {
    return (
      <ErrorNote
        action={
          <Writes>
            <Button icon="retry" disabled={submitting} onClick={() => submit({ tasks: failed.map(({ name }) => name) })}>
              Try again
            </Button>
          </Writes>
        }
      >
        {failed.map((task) => `${task.name}: ${failureText(task)}`).join(" ")}
      </ErrorNote>
    );
  }
  if (!missing) return null;
  return (
    <div className="note">
      <span>{problem ?? "This recording has not been analysed yet."}</span>
      <Writes>
        <Button main disabled={submitting} onClick={() => submit({ tasks: ANALYSIS })}>
          Analyse it
        </Button>
      </Writes>
    </div>
  );
}

type SectionProps = { id: string; title: string; height: number | string; children: ReactNode };

/** The height of a section that has a button alone, in pixels. */
const BUTTON_PX = 32;

/** A section whose script and data are fetched when it becomes visible. Its content has at least a height, in pixels: 0 where nothing was made. */
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
  const room = height ? <Skeleton height={height} /> : null;
  return (
    <section ref={section} id={id} className="part" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <div style={{ minHeight: height || BUTTON_PX }}>{seen ? <Suspense fallback={room}>{children}</Suspense> : room}</div>
    </section>
  );
}
