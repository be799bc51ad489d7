import { memo, useEffect, useState } from "react";
import { Link } from "wouter";
import type { Job, Track } from "../api/client";
import { errorText } from "../api/problem";
import { jobText } from "../api/taskText";
import { Button, IconButton, Skeleton } from "../ui/controls";
import { ago, time, labelText } from "../ui/format";
import { Icon } from "../ui/Icon";
import { announce } from "../ui/live";
import { titleOf } from "../ui/tags";
import { useDeleteTrack, useOutline } from "./queries";

const POINTS = 32;
const LINGER_MS = 250;

/** A row of the library. Rendered again only when its track or job changes. */
export const TrackRow = memo(function TrackRow({ track, job }: { track: Track; job: Job | undefined }) {
  const [asking, setAsking] = useState(false);
  return (
    <div className="track">
      <Thumbnail track={track} quiet={asking} />
      <Link href={`/tracks/${track.id}`} className="track__name clip" title={track.filename}>
        {titleOf(track)}
        {track.tags?.title && track.tags.artist ? <span className="quiet"> · {track.tags.artist}</span> : null}
      </Link>
      {asking ? (
        <Deletion track={track} onCancel={() => setAsking(false)} />
      ) : (
        <>
          <span className="track__label clip" title={track.label_confirmed ? "confirmed by you" : undefined}>
            {track.label ? labelText(track.label) : <Unlabelled job={job} />}
            {track.label_confirmed ? <Confirmed /> : null}
          </span>
          <span className="track__length">{time(track.duration_s, 0)}</span>
          <span className="track__state quiet clip">{job ? jobText(job) : ago(track.created_at)}</span>
          <IconButton icon="bin" label={`Delete ${track.filename}`} className="track__more" onClick={() => setAsking(true)} />
        </>
      )}
    </div>
  );
});

function Unlabelled({ job }: { job: Job | undefined }) {
  return <span className="quiet">{job ? "…" : "no label"}</span>;
}

function Confirmed() {
  return (
    <span className="track__confirmed">
      <Icon name="check" size={14} />
      <span className="unseen">confirmed by you</span>
    </span>
  );
}

/** The outline of a row that stayed visible for a moment; a row that is scrolled past requests nothing. */
function Thumbnail({ track, quiet }: { track: Track; quiet: boolean }) {
  return useLinger() ? <Outline track={track} quiet={quiet} /> : <NoOutline pending />;
}

function NoOutline({ pending }: { pending: boolean }) {
  return <div className="track__wave">{pending ? <Skeleton height={24} /> : null}</div>;
}

/** Requests nothing while `quiet`: the track may be about to be deleted. */
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
  const remove = () => deletion.mutate(track.id, { onSuccess: () => announce(`${track.filename} is deleted.`) });
  return (
    <span
      className="track__sure"
      role="alertdialog"
      aria-label={`Delete ${track.filename}?`}
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
    >
      <span className="clip">{deletion.isError ? errorText(deletion.error) : "Delete the recording and its results?"}</span>
      <Button autoFocus disabled={deletion.isPending} onClick={remove}>
        Delete
      </Button>
      <Button onClick={onCancel}>Keep</Button>
    </span>
  );
}
