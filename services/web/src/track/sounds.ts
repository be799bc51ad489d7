import { useEffect } from "react";
import type { Track } from "../api/client";
import { useLinkedSound } from "../sound/linkedSound";
import type { Transport } from "../sound/transport";
import type { Explanation } from "../state/explanation";
import { useTrack } from "../state/queries";
import { useTrackState } from "../state/TrackStateProvider";
import { type Clicks, useClicks } from "./useClicks";

/** Streams the recording, or its copy where browsers would pass over gaps, and the sound of its evidence when it was explained. */
export function useSounds(transport: Transport, track: Track, { explained }: Pick<Explanation, "explained">): Clicks {
  const { id, audio, duration_s } = track;
  const { refetch } = useTrack(id);
  const { renewedUrl, state } = useTrackState();
  const playback = state.result("describe")?.playback;
  const recording = { id: playback?.id ?? id, url: playback?.url ?? audio.url, startS: 0, endS: duration_s };
  const newUrl = async () => (playback ? renewedUrl(playback.id) : (await refetch()).data?.audio.url);
  const listen = explained?.listen;
  const evidence = explained && listen ? { id: listen.id, url: listen.url, startS: explained.start_s, endS: explained.end_s } : null;
  const clicks = useClicks(transport, id);
  useLinkedSound(transport, "recording", clicks.heard ? null : recording, newUrl);
  useLinkedSound(transport, "evidence", evidence, renewedUrl);
  useEffect(() => () => transport.close(), [transport]);
  return clicks;
}
