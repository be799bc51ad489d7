import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { api, dataOf } from "../../api/client";
import { usePreview } from "../../sound/preview";

const STORED = "phonoscope.map-sound";
const REST_MS = 350;
const VOLUME = 0.4;
const PLAYED_S = 6;
const LINK_FRESH_MS = 60_000;
const listeners = new Set<() => void>();

/** Whether the map plays what one rests on, as it was chosen on this machine; and what chooses it. */
export function useSoundSwitch(): [boolean, (on: boolean) => void] {
  return [useSyncExternalStore(subscribe, isOn), choose];
}

/** Plays the first seconds of a recording, quietly, once it has been the current one for a moment. */
export function useHoverSound(trackId: string | null, on: boolean): void {
  const queries = useQueryClient();
  const preview = usePreview();
  const latest = useRef(preview);
  latest.current = preview;
  useEffect(() => {
    if (!on || trackId === null) return;
    let gone = false;
    const play = async () => {
      const track = await queries.fetchQuery({
        queryKey: ["track", "sound", trackId],
        queryFn: async ({ signal }) => dataOf(await api.GET("/v1/tracks/{track_id}", { params: { path: { track_id: trackId } }, signal })),
        staleTime: LINK_FRESH_MS,
      });
      if (!gone) latest.current.toggle(trackId, { url: track.audio.url, endS: PLAYED_S, volume: VOLUME });
    };
    // Silence says enough where it cannot be played.
    const timer = setTimeout(() => void play().catch(() => undefined), REST_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
      latest.current.stop();
    };
  }, [trackId, on, queries]);
}

function isOn(): boolean {
  return localStorage.getItem(STORED) === "on";
}

function choose(on: boolean): void {
  localStorage.setItem(STORED, on ? "on" : "off");
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
