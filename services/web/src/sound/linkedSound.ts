import { useEffect, useRef } from "react";
import { AudioSource } from "./audioSource";
import type { SourceName, Transport } from "./transport";

/** A sound at a signed link. The `id` stays the same when the link is renewed. */
export type LinkedSound = { id: string; url: string; startS: number; endS: number };

/** Gives a player the sound at a link, and each later link to it; without one it leaves the player as it is. `newUrl` reads the link again. */
export function useLinkedSound(
  transport: Transport,
  name: SourceName,
  sound: LinkedSound | null,
  newUrl: (id: string) => Promise<string | undefined>,
): void {
  const { id, url, startS, endS } = sound ?? { id: null, url: null, startS: 0, endS: 0 };
  const made = useRef<{ id: string; source: AudioSource; transport: Transport } | null>(null);
  const latest = useRef(newUrl);
  useEffect(() => {
    latest.current = newUrl;
  });
  useEffect(() => {
    if (id === null || url === null) {
      made.current = null;
      return;
    }
    if (made.current?.id === id && made.current.transport === transport) {
      made.current.source.renew(url);
      return;
    }
    const source = new AudioSource(url, startS, endS, () => latest.current(id));
    made.current = { id, source, transport };
    transport.setSource(name, source);
  }, [transport, name, id, url, startS, endS]);
}
