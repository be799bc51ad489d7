import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { api, fetchWithKey, held, type Neighbour, type Track } from "../api/client";
import { ApiProblem, inWords } from "../api/problem";
import { BadNote, Button, IconButton, Skeleton } from "../ui/controls";
import { time, words } from "../ui/format";
import { useDesk } from "./desk";
import { useAsk } from "./queries";

/** The recordings that sound most like this one; each can be heard here. */
export default function Similar({ track }: { track: Track }) {
  const found = useNeighbours(track.id);
  const preview = usePreview();
  const { ask, asking, problem } = useAsk(track.id);
  if (found.isPending) return <Skeleton height={200} />;
  if (found.isError) {
    const placed = !(found.error instanceof ApiProblem) || found.error.status >= 500;
    return (
      <BadNote
        action={
          <Button disabled={asking} onClick={() => (placed ? void found.refetch() : ask({ tasks: ["embed"] }))}>
            {placed ? "Try again" : "Place it among the others"}
          </Button>
        }
      >
        {problem ?? inWords(found.error)}
      </BadNote>
    );
  }
  if (found.data.length === 0) return <p className="quiet">There is no other recording to compare it with yet.</p>;
  return (
    <ol className="alike">
      {found.data.map((neighbour) => (
        <Row key={neighbour.track.id} neighbour={neighbour} preview={preview} />
      ))}
    </ol>
  );
}

function Row({ neighbour: { track, similarity }, preview }: { neighbour: Neighbour; preview: Preview }) {
  const playing = preview.playing === track.id;
  return (
    <li>
      <IconButton
        icon={playing ? "pause" : "play"}
        label={`${playing ? "Stop" : "Play"} ${track.filename}`}
        onClick={() => void preview.toggle(track.id)}
      />
      <Link href={`/tracks/${track.id}`} className="clip">
        {track.filename}
      </Link>
      <span className={`clip ${track.label ? "alike__label" : "quiet"}`}>{track.label ? words(track.label) : "unknown"}</span>
      <span className="quiet alike__length">{time(track.duration_s, 0)}</span>
      <span className="bar__track" aria-hidden="true">
        <span style={{ width: `${Math.max(0, similarity) * 100}%` }} />
      </span>
      <span className="bar__value" title="cosine of the angle between the embeddings">
        {similarity.toFixed(2).replace("-", "−")}
      </span>
    </li>
  );
}

function useNeighbours(id: string) {
  return useQuery({
    queryKey: ["jobs", "alike", id],
    queryFn: async ({ signal }) => {
      const params = { path: { track_id: id }, query: { limit: 10 } };
      return held(await api.GET("/v1/tracks/{track_id}/similar", { params, signal })).items;
    },
    retry: false,
  });
}

type Preview = { playing: string | null; toggle: (id: string) => Promise<void> };

/** One recording at a time, and not together with the page's own. */
function usePreview(): Preview {
  const { transport } = useDesk();
  const [playing, setPlaying] = useState<string | null>(null);
  const player = useRef<HTMLAudioElement | null>(null);
  const stop = () => {
    player.current?.pause();
    if (player.current) URL.revokeObjectURL(player.current.src);
    player.current = null;
    setPlaying(null);
  };
  useEffect(() => stop, []);
  useEffect(() => transport.state.subscribe(() => transport.state.get().playing && stop()), [transport]);
  const toggle = async (id: string) => {
    const same = playing === id;
    stop();
    if (same) return;
    transport.pause();
    setPlaying(id);
    const response = await fetchWithKey(`/v1/tracks/${id}/audio`);
    player.current = new Audio(URL.createObjectURL(await response.blob()));
    player.current.onended = stop;
    await player.current.play().catch(stop);
  };
  return { playing, toggle };
}
