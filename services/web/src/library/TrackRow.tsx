import { memo, useEffect, useState } from "react";
import { Link } from "wouter";
import type { Job, Track } from "../api/client";
import { inWords } from "../api/problem";
import { jobInWords } from "../api/words";
import { Button, IconButton, Skeleton } from "../ui/controls";
import { ago, time, words } from "../ui/format";
import { announce } from "../ui/live";
import { useDeleteTrack, useOutline } from "./queries";

const POINTS = 32;
const LINGER_MS = 250;

/** Drawn anew when its track or job is another, not whenever the list moves. */
export const TrackRow = memo(function TrackRow({ track, job }: { track: Track; job: Job | undefined }) {
  const [asking, setAsking] = useState(false);
  return (
    <div className="track">
      <Thumbnail track={track} quiet={asking} />
      <Link href={`/tracks/${track.id}`} className="track__name clip" title={track.filename}>
        {track.filename}
      </Link>
      {asking ? (
        <Deletion track={track} onCancel={() => setAsking(false)} />
      ) : (
        <>
          <span className="track__label clip">{track.label ? words(track.label) : <Unlabelled job={job} />}</span>
          <span className="track__length">{time(track.duration_s, 0)}</span>
          <span className="track__state quiet clip">{job ? jobInWords(job) : ago(track.created_at)}</span>
          <IconButton icon="bin" label={`Delete ${track.filename}`} className="track__more" onClick={() => setAsking(true)} />
        </>
      )}
    </div>
  );
});

function Unlabelled({ job }: { job: Job | undefined }) {
  return <span className="quiet">{job ? "…" : "unknown"}</span>;
}

/** Drawn when the row has stayed in sight: one that flies by asks for nothing. */
function Thumbnail({ track, quiet }: { track: Track; quiet: boolean }) {
  return useLinger() ? <Outline track={track} quiet={quiet} /> : <NoOutline pending />;
}

function NoOutline({ pending }: { pending: boolean }) {
  return <div className="track__wave">{pending ? <Skeleton height={24} /> : null}</div>;
}

/** Nothing is asked for while it is quiet: the track may be gone in a moment. */
function Outline({ track, quiet }: { track: Track; quiet: boolean }) {
  const outline = useOutline(track.id, POINTS, !quiet);
  if (!outline.data) return <NoOutline pending={outline.isPending} />;
  const { max } = outline.data;
  const loudest = Math.max(0.01, ...max);
  const bars = max.map((value, at) => {
    const half = Math.max(0.5, (Math.abs(value) / loudest) * 12);
    return `M${((at + 0.5) / max.length) * 96} ${12 - half}v${2 * half}`;
  });
  return (
    <svg className="track__wave" viewBox="0 0 96 24" preserveAspectRatio="none" aria-hidden="true">
      <path d={bars.join("")} stroke="currentColor" strokeWidth="1.6" />
    </svg>
  );
}

function useLinger(): boolean {
  const [stayed, setStayed] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setStayed(true), LINGER_MS);
    return () => clearTimeout(timer);
  }, []);
  return stayed;
}

function Deletion({ track, onCancel }: { track: Track; onCancel: () => void }) {
  const deletion = useDeleteTrack();
  const erase = () => deletion.mutate(track.id, { onSuccess: () => announce(`${track.filename} is deleted.`) });
  return (
    <span
      className="track__sure"
      role="alertdialog"
      aria-label={`Delete ${track.filename}?`}
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
    >
      <span className="clip">{deletion.isError ? inWords(deletion.error) : "Erase it and all that was made of it?"}</span>
      <Button autoFocus disabled={deletion.isPending} onClick={erase}>
        Delete
      </Button>
      <Button onClick={onCancel}>Keep</Button>
    </span>
  );
}
