import { useCallback, useEffect, useRef, useState } from "react";
import { api, dataOf, type Track } from "../api/client";
import { errorText } from "../api/problem";
import type { components } from "../api/schema";
import { useKeys } from "../ui/keys";
import { AudioSource } from "./audioSource";
import { audibleSound } from "./settings";

const WATCH_MS = 20;

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

/** Plays one recording, or one moment of it, at a time; Space stops it. `onPlay` is called before, to stop what else plays. */
export function usePreview(onPlay: () => void = () => undefined): Preview {
  const [state, setState] = useState(SILENT);
  const end = useRef<(() => void) | null>(null);
  const over = useCallback((problem: Preview["problem"]) => {
    end.current?.();
    end.current = null;
    setState({ playing: null, problem });
  }, []);
  const stop = useCallback(() => over(null), [over]);
  useEffect(() => stop, [stop]);
  const stopped = ({ key }: KeyboardEvent) => {
    if (key !== " " || state.playing === null) return false;
    stop();
    return true;
  };
  // Before the page's own recording, which Space would start.
  useKeys(stopped, true);
  const toggle = (id: string, sound: Sound) => {
    stop();
    if (state.playing === id) return;
    onPlay();
    setState({ playing: id, problem: null });
    end.current = started(sound, (text) => over(text === null ? null : { id, text }));
  };
  return { ...state, toggle, stop };
}

/** The link to the copy that a recording has where browsers do not play it themselves. */
function copyIn({ items }: components["schemas"]["TrackResults"]): string | undefined {
  for (const { audio_track, result } of items) {
    if (audio_track === null && result?.task === "describe" && result.playback) return result.playback.url;
  }
  return undefined;
}

/** Plays a sound until the function that it returns is called. Calls `onEnd` with null at its end or a pause from outside, or with words where it fails. */
export function started({ trackId, link, startS = 0, endS, volume = 1 }: Sound, onEnd: (problem: string | null) => void): () => void {
  let source: AudioSource | null = null;
  let watch: ReturnType<typeof setInterval> | undefined;
  let over = false;
  const ended = (problem: string | null) => over || onEnd(problem);
  const params = { path: { track_id: trackId } };
  const newUrl = async () => dataOf(await api.GET("/v1/tracks/{track_id}", { params })).audio.url;
  const copyUrl = async () => copyIn(dataOf(await api.GET("/v1/tracks/{track_id}/results", { params })));
  const playFrom = async (url: string, urlAnew: () => Promise<string | undefined>) => {
    if (over) return;
    const playing = new AudioSource(url, 0, Number.POSITIVE_INFINITY, urlAnew);
    source = playing;
    playing.onFailure = ended;
    playing.onPause = () => ended(null);
    const settings = audibleSound();
    playing.setSound({ ...settings, volume: volume * settings.volume });
    // Browsers look for the end of a part a few times a second.
    watch = setInterval(() => {
      if (playing.now() >= (endS ?? Number.POSITIVE_INFINITY)) ended(null);
    }, WATCH_MS);
    await playing.play(startS);
  };
  const close = () => {
    clearInterval(watch);
    source?.close();
  };
  const play = async () => {
    const url = link && Date.parse(link.expires_at) > Date.now() ? link.url : await newUrl();
    try {
      await playFrom(url, newUrl);
    } catch (error) {
      close();
      const copy = over ? undefined : await copyUrl();
      if (!copy) throw error;
      await playFrom(copy, copyUrl);
    }
  };
  play().catch((error: unknown) => ended(errorText(error)));
  return () => {
    over = true;
    close();
  };
}
