import { useEffect, useState } from "react";
import type { WaveformLevels } from "../api/client";
import { ClickedSource } from "../sound/clickedSource";
import { useStore } from "../sound/store";
import { CLICKED, type Transport } from "../sound/transport";
import { useMayWrite } from "../state/mayWrite";
import { useTrackState } from "../state/TrackStateProvider";
import { clicksText, fetchPart, partsEndS } from "./clickedParts";
import { audioTrackQuery, useLevels } from "./tiles";
import { useBeats } from "./useBeats";

const NEAR_S = 0.01;
const BACK_S = 1;

export type Clicks = {
  on: boolean;
  setOn: (on: boolean) => void;
  /** Whether the recording is heard with clicks, in place of the recording as it is streamed. */
  heard: boolean;
  /** Why there can be no clicks for what is played; null where there can be. */
  blocked: string | null;
  /** What is to be said of the clicks besides. */
  said: string;
};

/**
 * Clicks on the beats, played by the clock of the samples: those of the stems, or of the recording, which is decoded in parts when it
 * is played with them. Where its parts end before it does, it is streamed from there on.
 */
export function useClicks(transport: Transport, id: string): Clicks {
  const beats = useBeats();
  const mayWrite = useMayWrite();
  const [on, setOn] = useState(false);
  const [heard, setHeard] = useState(false);
  const { audioTrack } = useTrackState();
  const { source } = useStore(transport.state);
  const [needed, setNeeded] = useState(false);
  const { data: levels, error } = useLevels<WaveformLevels>(id, "waveform");
  const beyond = useBeyond(transport, levels && partsEndS(levels) < levels.duration_s ? partsEndS(levels) : Number.POSITIVE_INFINITY);
  const ready = needed && on && beats !== null && !beyond;
  useEffect(() => {
    transport.setClicks(on ? beats : null);
    setNeeded((before) => on && (before || source === "recording"));
  }, [transport, on, beats, source]);
  useEffect(() => {
    if (!ready || !levels || partsEndS(levels) === 0) return;
    const context = contextAt(levels.sample_rate_hz);
    const load = async (number: number, signal: AbortSignal) =>
      context.decodeAudioData(await fetchPart(`/v1/tracks/${id}/audio/parts/${number}?${audioTrackQuery(audioTrack)}`, signal));
    transport.setSource("recording", new ClickedSource(context, load, levels.duration_s, partsEndS(levels)));
    setHeard(true);
    return () => setHeard(false);
  }, [transport, ready, levels, id, audioTrack]);
  return {
    on,
    setOn: (next) => {
      setOn(next);
      if (next && !CLICKED.includes(source)) transport.switchTo("recording");
    },
    heard,
    ...clicksText({ on, source, levels, error, mayWrite }),
  };
}

/** Whether what is played is past a time. Once it is, it has to go back by a second. */
function useBeyond(transport: Transport, endS: number): boolean {
  const [beyond, setBeyond] = useState(false);
  useEffect(() => {
    let was = false;
    const look = () => {
      was = transport.time.get() >= endS - (was ? BACK_S : NEAR_S);
      setBeyond(was);
    };
    look();
    return transport.time.subscribe(look);
  }, [transport, endS]);
  return beyond;
}

/** At the recording's own rate, so that its parts are not resampled each by itself, where the browser plays at such a rate. */
function contextAt(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ sampleRate });
  } catch {
    return new AudioContext();
  }
}
