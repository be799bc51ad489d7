import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { api, fetchWithKey, held, type Neighbour, type Track } from "../api/client";
import { inWords } from "../api/problem";
import { BadNote, Button, Choice, IconButton, Skeleton } from "../ui/controls";
import { time, words } from "../ui/format";
import { useStems } from "../state/queries";
import { useDesk } from "../sound/desk";
import { useTrackState } from "../state/TrackStateProvider";
import { useAsk } from "../state/ask";

const WHOLE = "whole track";

/** The recordings that sound most like this one, as a whole or in one of its stems. */
export default function Similar({ track }: { track: Track }) {
  const { state } = useTrackState();
  const { data: stems } = useStems(track.id);
  const [by, setBy] = useState(WHOLE);
  const { ask, asking, problem } = useAsk(track.id);
  const placed = state.has("embed");
  const stemsPlaced = state.result("embed", (one) => Boolean(one.stems?.length))?.stems ?? [];
  const names = [WHOLE, ...(stems?.stems.map(({ name }) => name) ?? [])];
  const options = names.map((name) => ({ value: name, text: name, disabled: name !== WHOLE && !stemsPlaced.includes(name) }));
  const place = (also: boolean) => ask({ tasks: ["embed"], options: { embed: { stems: also } } });
  return (
    <div className="stack">
      {options.length > 1 ? (
        <div className="row wrap">
          <Choice label="Alike in what" value={by} options={options} onChange={setBy} />
          {stemsPlaced.length ? null : (
            <Button disabled={asking} onClick={() => place(true)}>
              {asking ? "Listening …" : "Compare its stems too"}
            </Button>
          )}
        </div>
      ) : null}
      {problem ? <BadNote>{problem}</BadNote> : null}
      {placed ? (
        <Neighbours key={by} track={track} stem={by === WHOLE ? null : by} />
      ) : (
        <div>
          <Button disabled={asking} onClick={() => place(false)}>
            {asking ? "Listening …" : "Place it among the others"}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Each can be heard here. */
function Neighbours({ track, stem }: { track: Track; stem: string | null }) {
  const found = useNeighbours(track.id, stem);
  const preview = usePreview();
  if (found.isPending) return <Skeleton height={200} />;
  if (found.isError) {
    return <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>;
  }
  if (found.data.length === 0) {
    return <p className="quiet">There is no other recording{stem ? ` whose ${stem} can be compared` : " to compare it with"} yet.</p>;
  }
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

function useNeighbours(id: string, stem: string | null) {
  const { model } = useTrackState().state;
  return useQuery({
    queryKey: ["jobs", "alike", id, stem, model],
    queryFn: async ({ signal }) => {
      const params = { path: { track_id: id }, query: { limit: 10, ...(stem && { stem }), ...(model && { model }) } };
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
