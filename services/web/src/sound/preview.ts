import { useCallback, useEffect, useRef, useState } from "react";
import { api, dataOf, type Track } from "../api/client";
import { errorText } from "../api/problem";
import type { components } from "../api/schema";
import { useKeys } from "../ui/keys";
import { AudioSource } from "./audioSource";
import { audibleSound } from "./settings";
import { Transport } from "./transport";

/** What is played of a recording: all of it, or a part. Without a `link` that is good, the service is asked for one. */
export type Sound = { trackId: string; link?: Track["audio"]; startS?: number; endS?: number; volume?: number };

export type Preview = {
  /** The id of what plays. */
  playing: string | null;
  /** Why what was asked for last does not play, until something else is. */
  problem: { id: string; text: string } | null;
  toggle: (id: string, sound: Sound) => void;
  stop: () => void;
};

const SILENT: Pick<Preview, "playing" | "problem"> = { playing: null, problem: null };

/** What is in a list after (1) or before (-1) what has an id; null where nothing is. */
type Neighbour = (id: string, by: 1 | -1) => { id: string; sound: Sound } | null;

/**
 * Plays one recording, or one moment of it, at a time; Space stops it. Media keys pause it and play it on, and go from one to the next
 * where `neighbour` has one. `onPlay` is called before, to stop what else plays.
 */
export function usePreview(onPlay: () => void = () => undefined, neighbour?: Neighbour): Preview {
  const [state, setState] = useState(SILENT);
  const end = useRef<(() => void) | null>(null);
  const stop = useCallback(() => {
    end.current?.();
    end.current = null;
    setState(SILENT);
  }, []);
  useEffect(() => stop, [stop]);
  const stopped = ({ key }: KeyboardEvent) => {
    if (key !== " " || state.playing === null) return false;
    stop();
    return true;
  };
  // Before the page's own recording, which Space would start.
  useKeys(stopped, true);
  const latest = useRef(neighbour);
  latest.current = neighbour;
  const play = (id: string, sound: Sound) => {
    stop();
    onPlay();
    setState({ playing: id, problem: null });
    const show = (playing: boolean, problem: string | null) =>
      setState({ playing: playing ? id : null, problem: problem === null ? null : { id, text: problem } });
    const step = (by: 1 | -1) => {
      const next = latest.current?.(id, by);
      if (next) play(next.id, next.sound);
    };
    end.current = started(sound, show, neighbour && step);
  };
  const toggle = (id: string, sound: Sound) => (state.playing === id ? stop() : play(id, sound));
  return { ...state, toggle, stop };
}

/** The link to the copy that a recording has where browsers do not play it themselves. */
function copyIn({ items }: components["schemas"]["TrackResults"]): string | undefined {
  for (const { audio_track, result } of items) {
    if (audio_track === null && result?.task === "describe" && result.playback) return result.playback.url;
  }
  return undefined;
}

/** Plays a sound until the function that it returns is called. Calls `onChange` with whether it plays, and why it does not where it failed. */
export function started(
  { trackId, link, startS = 0, endS = Number.POSITIVE_INFINITY, volume = 1 }: Sound,
  onChange: (playing: boolean, problem: string | null) => void,
  step?: (by: 1 | -1) => void,
): () => void {
  const settings = audibleSound();
  const transport = new Transport(endS, { ...settings, volume: volume * settings.volume }, startS);
  transport.step = step;
  let over = false;
  const params = { path: { track_id: trackId } };
  const newUrl = async () => dataOf(await api.GET("/v1/tracks/{track_id}", { params })).audio.url;
  const copyUrl = async () => copyIn(dataOf(await api.GET("/v1/tracks/{track_id}/results", { params })));
  const playFrom = async (url: string | undefined, urlAnew: () => Promise<string | undefined>) => {
    if (over || !url) return;
    transport.setSource("recording", new AudioSource(url, 0, endS, urlAnew));
    await transport.play();
  };
  const tell = () => {
    const { playing, waiting, problem } = transport.state.get();
    if (!over) onChange(playing || waiting, problem);
  };
  const play = async () => {
    await playFrom(link && Date.parse(link.expires_at) > Date.now() ? link.url : await newUrl(), newUrl);
    if (transport.state.get().problem !== null && !over) await playFrom(await copyUrl(), copyUrl);
    transport.state.subscribe(tell);
    tell();
  };
  play().catch((error: unknown) => over || onChange(false, errorText(error)));
  return () => {
    over = true;
    transport.close();
  };
}
