import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { api, fetchWithKey, dataOf, type Neighbour, type Track } from "../api/client";
import { errorText } from "../api/problem";
import { ErrorNote, Button, Choice, IconButton, Skeleton } from "../ui/controls";
import { time, labelText } from "../ui/format";
import { useStems } from "../state/queries";
import { useTimeAxis } from "../sound/timeAxis";
import { useTrackState } from "../state/TrackStateProvider";
import { useSubmit } from "../state/submit";

const WHOLE = "whole track";

/** The recordings that sound most like this one, as a whole or by one stem. */
export default function Similar({ track }: { track: Track }) {
  const { state } = useTrackState();
  const { data: stems } = useStems(track.id);
  const [part, setPart] = useState(WHOLE);
  const { submit, submitting, problem } = useSubmit(track.id);
  const embedded = state.has("embed");
  const embeddedStems = state.result("embed", (one) => Boolean(one.stems?.length))?.stems ?? [];
  const names = [WHOLE, ...(stems?.stems.map(({ name }) => name) ?? [])];
  const options = names.map((name) => ({ value: name, text: name, disabled: name !== WHOLE && !embeddedStems.includes(name) }));
  const embed = (stems: boolean) => submit({ tasks: ["embed"], options: { embed: { stems } } });
  return (
    <div className="stack">
      {options.length > 1 ? (
        <div className="row wrap">
          <Choice label="Compare by" value={part} options={options} onChange={setPart} />
          {embeddedStems.length ? null : (
            <Button disabled={submitting} onClick={() => embed(true)}>
              {submitting ? "Computing …" : "Compare by stems too"}
            </Button>
          )}
        </div>
      ) : null}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
      {embedded ? (
        <Neighbours key={part} track={track} stem={part === WHOLE ? null : part} />
      ) : (
        <div>
          <Button disabled={submitting} onClick={() => embed(false)}>
            {submitting ? "Computing …" : "Compare with other recordings"}
          </Button>
        </div>
      )}
    </div>
  );
}

/** The neighbours, each with a button that plays it. */
function Neighbours({ track, stem }: { track: Track; stem: string | null }) {
  const found = useNeighbours(track.id, stem);
  const preview = usePreview();
  if (found.isPending) return <Skeleton height={200} />;
  if (found.isError) {
    return <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>;
  }
  if (found.data.length === 0) {
    return <p className="quiet">No other recording {stem ? `has an embedding of its ${stem}` : "has an embedding by this model"} yet.</p>;
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
      <span className={`clip ${track.label ? "alike__label" : "quiet"}`}>{track.label ? labelText(track.label) : "no label"}</span>
      <span className="quiet alike__length">{time(track.duration_s, 0)}</span>
      <span className="bar__track" aria-hidden="true">
        <span style={{ width: `${Math.max(0, similarity) * 100}%` }} />
      </span>
      <span className="bar__value" title="cosine similarity of the embeddings">
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
      return dataOf(await api.GET("/v1/tracks/{track_id}/similar", { params, signal })).items;
    },
    retry: false,
  });
}

type Preview = { playing: string | null; toggle: (id: string) => Promise<void> };

/** Plays one recording at a time, never together with the page's own. */
function usePreview(): Preview {
  const { transport } = useTimeAxis();
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
