import type { Track } from "../api/client";
import { Select } from "../ui/controls";
import { channels } from "../ui/format";

type Props = { track: Track; chosen: number | null; choose: (index: number | null) => void };

/** Selects which audio track of a file with several is shown, and read by the tasks that are started. */
export function AudioTracks({ track, chosen, choose }: Props) {
  const { audio_tracks: all = [], audio_track: own = 0 } = track;
  if (all.length < 2) return null;
  const text = (value: string) => textOf(track, Number(value));
  return (
    <div className="small quiet row wrap">
      <Select
        label={`${all.length} audio tracks`}
        name="Audio track"
        value={String(chosen ?? own)}
        options={all.filter(({ codec }) => codec !== null).map(({ index }) => String(index))}
        text={text}
        onChange={(value) => choose(Number(value) === own ? null : Number(value))}
      />
      {chosen === null ? null : (
        <span>
          Results below are of this audio track; the library shows those of number {own + 1}. The player plays the one that your
          browser chooses.
        </span>
      )}
    </div>
  );
}

/** A track with the length and the channels of another one of its audio tracks. */
export function ofAudioTrack(track: Track, index: number | null): Track {
  const found = track.audio_tracks?.find((one) => one.index === index);
  if (!found) return track;
  return { ...track, duration_s: found.duration_s ?? track.duration_s, channels: found.channels };
}

function textOf({ audio_tracks: all = [], audio_track: own = 0 }: Track, index: number): string {
  const one = all.find((each) => each.index === index);
  if (!one) return String(index);
  const parts = [`${index + 1}`, one.title, one.language, one.codec, channels(one.channels), index === own ? "its own" : null];
  return parts.filter(Boolean).join(" · ");
}
