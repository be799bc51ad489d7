import { memo, useRef, useState } from "react";
import { Link } from "wouter";
import type { Job, Track } from "../api/client";
import { jobText } from "../api/taskText";
import { IconButton } from "../ui/controls";
import { ago, bytes, channels, labelText, percent, time } from "../ui/format";
import { Icon } from "../ui/Icon";
import { titleOf } from "../ui/tags";
import { Deletion } from "./Deletion";
import { surenessOf } from "./libraryView";
import { Thumbnail } from "./Outline";
import { unlabelledText } from "../state/labelOrWhy";

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "2-digit" });
const NUMBERS = new Set(["tempo", "size", "length"]);

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
  /** Why it does not play, where that was asked for last; else null. */
  unplayed: string | null;
  /** Whether it is selected; null while nothing is being selected. */
  selected: boolean | null;
  /** Whether there is room for more columns. */
  columns: boolean;
  /** Whether it can be deleted by whoever looks. */
  mayWrite: boolean;
  actions: RowActions;
};

/** A row of the library. Rendered again only when something of it changes. */
export const TrackRow = memo(function TrackRow({ track, index, job, model, playing, unplayed, selected, columns, mayWrite, actions }: Props) {
  const [asking, setAsking] = useState(false);
  const sureness = surenessOf(track, model);
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
          label={`${playing ? "Stop" : "Play"} ${titleOf(track)}`}
          className="track__play"
          onClick={() => actions.play(track)}
        />
      ) : (
        <input
          type="checkbox"
          className="track__play"
          aria-label={`Select ${titleOf(track)}`}
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
          {unplayed === null ? (
            <>
              <span className="track__label clip" title={track.label_confirmed ? "confirmed" : undefined}>
                {track.label ? labelText(track.label) : <span className="quiet">{unlabelledText(track, job, model)}</span>}
                {track.label_confirmed ? <Confirmed /> : null}
                {sureness === null ? null : <span className="track__sureness"> {percent(sureness)}</span>}
              </span>
              {columns ? <Facts track={track} /> : null}
              <span className="track__length">{time(track.duration_s, 0)}</span>
              {columns ? <span className="track__fact">{DAY.format(new Date(track.created_at))}</span> : null}
              <span className="track__state quiet clip">{job ? jobText(job) : columns ? "" : ago(track.created_at)}</span>
            </>
          ) : (
            <span className="unplayed track__unplayed small" role="alert">
              {unplayed}
            </span>
          )}
          {mayWrite ? (
            <span ref={bin} className="track__more">
              <IconButton icon="bin" label={`Delete ${titleOf(track)}`} onClick={() => setAsking(true)} />
            </span>
          ) : null}
        </>
      )}
    </div>
  );
});

/** What dense rows say besides: kind, tempo, key, sampling rate and channels, size. */
function Facts({ track }: { track: Track }) {
  const { kind, tempo_bpm, key } = track.facts ?? {};
  return (
    <>
      <span className="track__fact clip">{kind ?? ""}</span>
      <span className="track__fact track__fact--number">{tempo_bpm ? `${Math.round(tempo_bpm)} bpm` : ""}</span>
      <span className="track__fact clip">{key ?? ""}</span>
      <span className="track__fact clip">
        {track.sample_rate_hz / 1000} kHz, {channels(track.channels)}
      </span>
      <span className="track__fact track__fact--number">{bytes(track.size_bytes)}</span>
    </>
  );
}

/** The names of the columns of dense rows, above them. */
export function ColumnNames() {
  return (
    <div className="track track__names small" aria-hidden="true">
      {["", "", "name", "label", "kind", "tempo", "key", "format", "size", "length", "added", "", ""].map((name, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other key, and do not move
        <span key={at} className={NUMBERS.has(name) ? "track__fact--number" : ""}>
          {name}
        </span>
      ))}
    </div>
  );
}

function Confirmed() {
  return (
    <span className="track__confirmed">
      <Icon name="check" size={14} />
      <span className="unseen">confirmed</span>
    </span>
  );
}
