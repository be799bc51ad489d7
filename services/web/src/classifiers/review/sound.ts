import { useCallback, useEffect, useMemo, useRef } from "react";
import { api, dataOf } from "../../api/client";
import { AudioSource } from "../../sound/audioSource";
import { audibleSound } from "../../sound/settings";
import { Transport } from "../../sound/transport";
import type { QueuedWindow } from "../queries";
import { keyOf } from "./answers";

/** Plays a window again and again, by itself where the browser lets it. */
export function useLoopedWindow(window: QueuedWindow): Transport {
  const key = keyOf(window);
  const { start_s: startS, end_s: endS, track_id: trackId } = window;
  const url = window.audio_url.split("#")[0] ?? window.audio_url;
  const newUrl = useCallback(async () => {
    const params = { path: { track_id: trackId } };
    return dataOf(await api.GET("/v1/tracks/{track_id}", { params })).audio.url;
  }, [trackId]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another window has another clock, be its times the same
  const transport = useMemo(() => new Transport(endS, audibleSound()), [key, endS]);
  const source = useRef<{ of: Transport; audio: AudioSource } | null>(null);
  useEffect(() => {
    if (source.current?.of === transport) {
      source.current.audio.renew(url);
      return;
    }
    const audio = new AudioSource(url, 0, Number.POSITIVE_INFINITY, newUrl);
    source.current = { of: transport, audio };
    transport.setLoop({ startS, endS });
    transport.setSource("recording", audio);
    if (mayPlay()) void transport.play();
  }, [transport, url, startS, endS, newUrl]);
  useEffect(
    () => () => {
      transport.close();
      source.current = null;
    },
    [transport],
  );
  return transport;
}

/** Browsers play nothing on a page on which nothing was pressed yet. */
function mayPlay(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true;
}
