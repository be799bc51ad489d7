import { useEffect, useMemo } from "react";
import { api, dataOf } from "../../api/client";
import { useLinkedSound } from "../../sound/linkedSound";
import { audibleSound } from "../../sound/settings";
import { Transport } from "../../sound/transport";
import type { QueuedWindow } from "../queries";
import { keyOf } from "./answers";

/** Plays a window again and again, by itself where the browser lets it. */
export function useLoopedWindow(window: QueuedWindow): Transport {
  const key = keyOf(window);
  const { start_s: startS, end_s: endS, track_id } = window;
  const url = window.audio_url.split("#")[0] ?? window.audio_url;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another window has another clock, be its times the same
  const transport = useMemo(() => new Transport(endS, audibleSound(), startS), [key, startS, endS]);
  useLinkedSound(transport, "recording", { id: track_id, url, startS: 0, endS }, async () => {
    return dataOf(await api.GET("/v1/tracks/{track_id}", { params: { path: { track_id } } })).audio.url;
  });
  useEffect(() => {
    transport.setLoop({ startS, endS });
    if (mayPlay()) void transport.play();
    return () => transport.close();
  }, [transport, startS, endS]);
  return transport;
}

/** Browsers play nothing on a page on which nothing was pressed yet. */
function mayPlay(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true;
}
