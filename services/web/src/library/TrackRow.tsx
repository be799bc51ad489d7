import { memo, useRef, useState } from "react";
import { Link } from "wouter";
import type { Job, Track } from "../api/client";
import { jobText } from "../api/taskText";
import { IconButton } from "../ui/controls";
import { ago, time, labelText } from "../ui/format";
import { Icon } from "../ui/Icon";
import { titleOf } from "../ui/tags";
import { Deletion } from "./Deletion";
import { Thumbnail } from "./Outline";
import { unlabelledText } from "./states";

/** What rows do; the same functions as long as the list is there. */
export type RowActions = {
  play: (track: Track) => void;
  select: (trackId: string, selected: boolean) => void;
  /** Called when the recording of a row was deleted. */
  gone: (index: number) => void;
};

type Props = {
  track: Track;
  index: number;
  job: Job | undefined;
  /** The model whose labels are shown; null for the newest. */
  model: string | null;
  playing: boolean;
  /** Whether it is selected; null while nothing is being selected. */
  selected: boolean | null;
  actions: RowActions;
};

/** A row of the library. Rendered again only when something of it changes. */
export const TrackRow = memo(function TrackRow({ track, index, job, model, playing, selected, actions }: Props) {
  const [asking, setAsking] = useState(false);
  const bin = useRef<HTMLSpanElement>(null);
  const keep = () => {
    setAsking(false);
    requestAnimationFrame(() => bin.current?.querySelector("button")?.focus());
  };
  return (
    <div className="track">
      {selected === null ? (
        <IconButton
          icon={playing ? "pause" : "play"}
          label={`${playing ? "Stop" : "Play"} ${track.filename}`}
          className="track__play"
          onClick={() => actions.play(track)}
        />
      ) : (
        <input
          type="checkbox"
          className="track__play"
          aria-label={`Select ${track.filename}`}
          checked={selected}
          onChange={(event) => actions.select(track.id, event.currentTarget.checked)}
        />
      )}
      <Thumbnail track={track} quiet={asking} />
      <Link href={`/tracks/${track.id}`} className="track__name clip" title={track.filename}>
        {titleOf(track)}
        {track.tags?.title && track.tags.artist ? <span className="quiet"> · {track.tags.artist}</span> : null}
      </Link>
      {asking ? (
        <Deletion track={track} onCancel={keep} onGone={() => actions.gone(index)} />
      ) : (
        <>
          <span className="track__label clip" title={track.label_confirmed ? "confirmed by you" : undefined}>
            {track.label ? labelText(track.label) : <span className="quiet">{unlabelledText(track, job, model)}</span>}
            {track.label_confirmed ? <Confirmed /> : null}
          </span>
          <span className="track__length">{time(track.duration_s, 0)}</span>
          <span className="track__state quiet clip">{job ? jobText(job) : ago(track.created_at)}</span>
          <span ref={bin} className="track__more">
            <IconButton icon="bin" label={`Delete ${track.filename}`} onClick={() => setAsking(true)} />
          </span>
        </>
      )}
    </div>
  );
});

function Confirmed() {
  return (
    <span className="track__confirmed">
      <Icon name="check" size={14} />
      <span className="unseen">confirmed by you</span>
    </span>
  );
}
