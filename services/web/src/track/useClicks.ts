import { useEffect, useState } from "react";
import { errorText } from "../api/problem";
import { ClickedSource } from "../sound/clickedSource";
import { useStore } from "../sound/store";
import type { SourceName, Transport } from "../sound/transport";
import { useTrackState } from "../state/TrackStateProvider";
import { useBeats } from "./useBeats";

const SAMPLE_BYTES = 4;
const DECODED_HZ = 48_000;
const MOST_BYTES = 5e8;
const CLICKED: readonly SourceName[] = ["recording", "stems"];

export type Clicks = {
  on: boolean;
  setOn: (on: boolean) => void;
  /** Whether the recording is being decoded. */
  loading: boolean;
  /** Whether the recording is heard with clicks, in place of the recording as it is streamed. */
  heard: boolean;
  /** Why there can be no clicks for what is played; null where there can be. */
  blocked: string | null;
  /** Why the clicks failed; null when all is well. */
  problem: string | null;
};

type Recording = { duration_s: number; channels: number };

/** The minutes of a recording that a page can hold decoded. */
export function mostMinutes(channels: number): number {
  return Math.floor(MOST_BYTES / (DECODED_HZ * SAMPLE_BYTES * channels * 60));
}

/** Clicks on the beats, played by the clock of the samples: those of the stems, or of the recording, which is decoded as a whole when it is first played with them. */
export function useClicks(transport: Transport, { duration_s, channels }: Recording, url: string): Clicks {
  const beats = useBeats();
  const [on, setOn] = useState(false);
  const [heard, setHeard] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const minutes = mostMinutes(channels);
  const tooLong = duration_s > minutes * 60;
  const { audioTrack } = useTrackState();
  const { source } = useStore(transport.state);
  const [needed, setNeeded] = useState(false);
  const ready = needed && on && beats !== null && !tooLong;
  useEffect(() => {
    transport.clicks.set(on ? beats : null);
    setNeeded((before) => on && (before || source === "recording"));
  }, [transport, on, beats, source]);
  // A renewed link is to the same sound: it is read once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the link changes and its sound does not
  useEffect(() => {
    if (!ready || !beats) return;
    const stop = new AbortController();
    const context = new AudioContext();
    decoded(context, url, stop.signal)
      .then((buffer) => {
        if (stop.signal.aborted) return;
        transport.setSource("recording", new ClickedSource(context, buffer, beats, duration_s));
        setHeard(true);
      })
      .catch((error: unknown) => {
        if (stop.signal.aborted) return;
        setFailure(errorText(error));
        setOn(false);
      });
    return () => {
      stop.abort();
      setHeard(false);
      void context.close();
    };
  }, [transport, ready, beats, duration_s, audioTrack]);
  return {
    on,
    setOn: (next) => {
      setFailure(null);
      setOn(next);
      if (next && !CLICKED.includes(source)) transport.switchTo("recording");
    },
    loading: ready && !heard,
    heard,
    blocked: tooLong && source !== "stems" ? `Clicks are for recordings of up to ${minutes} minutes, and for stems.` : null,
    problem: failure,
  };
}

async function decoded(context: AudioContext, url: string, signal: AbortSignal): Promise<AudioBuffer> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error("The recording cannot be fetched now.");
  try {
    return await context.decodeAudioData(await response.arrayBuffer());
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error("This browser cannot decode the recording's format.");
  }
}
