import { useEffect, useState } from "react";
import { fetchWithKey, type WaveformLevels } from "../api/client";
import { ClickedSource } from "../sound/clickedSource";
import { useStore } from "../sound/store";
import { CLICKED, type Transport } from "../sound/transport";
import { useTrackState } from "../state/TrackStateProvider";
import { time } from "../ui/format";
import { audioTrackQuery, useLevels } from "./tiles";
import { useBeats } from "./useBeats";

export type Clicks = {
  on: boolean;
  setOn: (on: boolean) => void;
  /** Whether the recording is heard with clicks, in place of the recording as it is streamed. */
  heard: boolean;
  /** Why there can be no clicks for what is played; null where there can be. */
  blocked: string | null;
};

/** Clicks on the beats, played by the clock of the samples: those of the stems, or of the recording, which is decoded in parts when it is played with them. */
export function useClicks(transport: Transport, id: string): Clicks {
  const beats = useBeats();
  const [on, setOn] = useState(false);
  const [heard, setHeard] = useState(false);
  const { audioTrack } = useTrackState();
  const { source } = useStore(transport.state);
  const [needed, setNeeded] = useState(false);
  const { data: levels } = useLevels<WaveformLevels>(id, "waveform");
  const blocked = levels && levels.detail_end_s < levels.duration_s ? blockedText(levels) : null;
  const ready = needed && on && beats !== null && blocked === null;
  useEffect(() => {
    transport.setClicks(on ? beats : null);
    setNeeded((before) => on && (before || source === "recording"));
  }, [transport, on, beats, source]);
  useEffect(() => {
    if (!ready || !levels) return;
    const context = contextAt(levels.sample_rate_hz);
    const load = async (number: number, signal: AbortSignal) => {
      const part = await fetchWithKey(`/v1/tracks/${id}/audio/parts/${number}?${audioTrackQuery(audioTrack)}`, { signal });
      return context.decodeAudioData(await part.arrayBuffer());
    };
    transport.setSource("recording", new ClickedSource(context, load, levels.duration_s));
    setHeard(true);
    return () => {
      setHeard(false);
      void context.close();
    };
  }, [transport, ready, levels, id, audioTrack]);
  return {
    on,
    setOn: (next) => {
      setOn(next);
      if (next && !CLICKED.includes(source)) transport.switchTo("recording");
    },
    heard,
    blocked: source === "stems" ? null : blocked,
  };
}

/** At the recording's own rate, so that its parts are not resampled each by itself, where the browser plays at such a rate. */
function contextAt(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ sampleRate });
  } catch {
    return new AudioContext();
  }
}

function blockedText({ detail_end_s }: WaveformLevels): string {
  const some = detail_end_s ? `Only the first ${time(detail_end_s, 0)} of this recording can` : "This recording cannot";
  return `${some} be decoded in parts: clicks are heard with its stems.`;
}
