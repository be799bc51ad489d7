import { useEffect, useRef, useSyncExternalStore } from "react";
import { usePreview } from "../../sound/preview";

const STORED = "phonoscope.map-sound";
const REST_MS = 350;
const VOLUME = 0.4;
const PLAYED_S = 6;
const listeners = new Set<() => void>();

/** Whether the map plays what one rests on, as it was chosen on this machine; and what chooses it. */
export function useSoundSwitch(): [boolean, (on: boolean) => void] {
  return [useSyncExternalStore(subscribe, isOn), choose];
}

/** Plays the first seconds of a recording, quietly, once it has been the current one for a moment. */
export function useHoverSound(trackId: string | null, on: boolean): void {
  const preview = usePreview();
  const latest = useRef(preview);
  latest.current = preview;
  useEffect(() => {
    if (!on || trackId === null) return;
    // Silence says enough where it cannot be played.
    const timer = setTimeout(() => latest.current.toggle(trackId, { trackId, endS: PLAYED_S, volume: VOLUME }), REST_MS);
    return () => {
      clearTimeout(timer);
      latest.current.stop();
    };
  }, [trackId, on]);
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
