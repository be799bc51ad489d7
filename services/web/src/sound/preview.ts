import { useCallback, useEffect, useRef, useState } from "react";
import { release, streamed } from "./audioSource";

const WATCH_MS = 20;

export type Preview = { playing: string | null; toggle: (id: string, sound: Sound) => void };
export type Sound = { url: string; startS?: number; endS?: number; volume?: number };

/** Plays one recording, or one moment of it, at a time. `onPlay` is called before, to stop what else plays. */
export function usePreview(onPlay: () => void = () => undefined): Preview & { stop: () => void } {
  const [playing, setPlaying] = useState<string | null>(null);
  const player = useRef<HTMLAudioElement | null>(null);
  const stop = useCallback(() => {
    if (player.current) release(player.current);
    player.current = null;
    setPlaying(null);
  }, []);
  useEffect(() => stop, [stop]);
  const toggle = (id: string, sound: Sound) => {
    const same = playing === id;
    stop();
    if (same) return;
    onPlay();
    setPlaying(id);
    player.current = started(sound, stop);
  };
  return { playing, toggle, stop };
}

/** A moment's end is watched here: not every address has it, and browsers look for it a few times a second. */
function started({ url, startS = 0, endS, volume = 1 }: Sound, stop: () => void): HTMLAudioElement {
  const element = streamed(url);
  element.volume = volume;
  if (startS) element.currentTime = startS;
  // Another may play by the time that a released one says that it could not.
  const isCurrent = () => element.hasAttribute("src");
  element.onended = stop;
  if (endS !== undefined) {
    const watch = setInterval(() => {
      if (!isCurrent()) clearInterval(watch);
      else if (element.currentTime >= endS) stop();
    }, WATCH_MS);
    element.onpause = () => {
      if (!element.ended) stop();
    };
  }
  element.play().catch(() => isCurrent() && stop());
  return element;
}
