import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { api, dataOf, type Neighbour, type Track } from "../api/client";
import { ApiProblem, errorText } from "../api/problem";
import { ErrorNote, Button, Choice, Skeleton } from "../ui/controls";
import { labelOrWhy } from "../state/labelOrWhy";
import { time } from "../ui/format";
import { titleOf } from "../ui/tags";
import { MarkButtons } from "../classifiers/marks/MarkButtons";
import { MarkTray } from "../classifiers/marks/MarkTray";
import { useStems } from "../state/queries";
import { addressOfStretch } from "../search/query";
import { PlayButton, Unplayed } from "../sound/PlayButton";
import { type Preview, usePreview } from "../sound/preview";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { useMayWrite, Writes } from "../state/mayWrite";
import { AUTO } from "../state/models";
import { useTrackState } from "../state/TrackStateProvider";
import { useModel } from "../models/queries";
import type { ResultOf } from "../state/results";
import { useSubmit } from "../state/submit";

const WHOLE = "whole track";

/** The recordings that sound most like this one, as a whole or by one stem. */
export default function Similar({ track }: { track: Track }) {
  const { state, audioTrack } = useTrackState();
  const { data: stems } = useStems(track.id);
  const [part, setPart] = useState(WHOLE);
  const { submit, submitting, problem } = useSubmit(track.id);
  const space = useSpace();
  const inSpace = ({ model, spaces = [] }: ResultOf<"embed">) => !space || [model, ...spaces].some(({ name }) => name === space);
  const embedded = state.result("embed", inSpace) !== null;
  const embeddedStems = state.result("embed", (one) => inSpace(one) && Boolean(one.stems?.length))?.stems ?? [];
  const names = [WHOLE, ...(stems?.stems.map(({ name }) => name) ?? [])];
  const options = names.map((name) => ({ value: name, text: name, disabled: name !== WHOLE && !embeddedStems.includes(name) }));
  const embed = (stems: boolean) => submit({ tasks: ["embed"], options: { embed: { stems } } });
  const stem = part === WHOLE ? null : part;
  const going = state.isGoing("embed") && !submitting;
  if (audioTrack !== null) return <p className="quiet">Recordings are compared by the audio track that is heard first.</p>;
  return (
    <div className="stack">
      {options.length > 1 ? (
        <div className="row wrap">
          <Choice label="Compare by" value={part} options={options} onChange={setPart} />
          {embeddedStems.length || going ? null : (
            <Writes>
              <Button disabled={submitting} onClick={() => embed(true)}>
                {submitting ? "Computing …" : "Compare by stems too"}
              </Button>
            </Writes>
          )}
        </div>
      ) : null}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
      {going ? <p className="quiet">What this recording sounds like is being computed.</p> : null}
      {embedded ? (
        <>
          <LikeThis track={track} />
          <Neighbours key={part} track={track} stem={stem} submitting={submitting || going} embed={() => embed(embeddedStems.length > 0)} />
        </>
      ) : going ? null : (
        <Writes otherwise={<p className="quiet">It has not been compared with other recordings.</p>}>
          <div>
            <Button disabled={submitting} onClick={() => embed(false)}>
              {submitting ? "Computing …" : "Compare with other recordings"}
            </Button>
          </div>
        </Writes>
      )}
    </div>
  );
}

type NeighboursProps = { track: Track; stem: string | null; submitting: boolean; embed: () => void };

/** The neighbours, each with a button that plays it, and how many recordings an earlier model embedded. */
function Neighbours({ track, stem, submitting, embed }: NeighboursProps) {
  const model = useNamedModel();
  const found = useNeighbours(track.id, stem, model);
  const preview = usePreviewBesideTransport();
  const mayWrite = useMayWrite();
  if (found.isPending) return <Skeleton height={200} />;
  // The page knows that the track was embedded. That its embedding is not found means that the model has changed since.
  if (found.error instanceof ApiProblem && found.error.code === "not_found") {
    return (
      <div className="note" role="status">
        <span>
          An earlier version of {model ?? "the model"} embedded {stem ? `the ${stem} of this recording` : "this recording"}.{" "}
          <Writes>Embed it again to compare it with others.</Writes>
        </span>
        <Writes>
          <Button main disabled={submitting} onClick={embed}>
            {submitting ? "Computing …" : "Embed again"}
          </Button>
        </Writes>
      </div>
    );
  }
  if (found.error instanceof ApiProblem && found.error.code === "silent_recording") {
    return <p className="quiet">{stem ? `The ${stem} of this recording are silent` : "This recording is silent"}: nothing sounds like it.</p>;
  }
  if (found.isError) {
    return <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>;
  }
  const { items, outdated } = found.data;
  const copies = items.filter(({ is_copy }) => is_copy);
  const others = items.filter(({ is_copy }) => !is_copy);
  return (
    <>
      {outdated ? <p className="note">{leftOutText(outdated, model, mayWrite)}</p> : null}
      {copies.length ? <Ranked of={track} title="Copies of this recording" items={copies} preview={preview} /> : null}
      {others.length ? <Ranked of={track} title={copies.length ? "Others that sound like it" : null} items={others} preview={preview} /> : null}
      <MarkTray />
      {items.length ? null : (
        <p className="quiet">No other recording {stem ? `has an embedding of its ${stem}` : "has an embedding by this model"} yet.</p>
      )}
    </>
  );
}

/** Recordings with their similarity, the most similar first; below each the copies of it. */
function Ranked({ of, title, items, preview }: { of: Track; title: string | null; items: Neighbour[]; preview: Preview }) {
  return (
    <section className="stack">
      {title ? <h3>{title}</h3> : null}
      <ol className="alike" aria-label={title ?? undefined}>
        {items.flatMap((item) => [item, ...(item.copies ?? []).map((copy) => ({ ...copy, of: titleOf(item.track) }))]).map((near) => (
          <Row key={near.track.id} near={near} beside={of} preview={preview} />
        ))}
      </ol>
    </section>
  );
}

/** How many recordings are not compared because an earlier model of the name embedded them, and what whoever may do something does. */
function leftOutText(count: number, model: string | null, mayWrite: boolean): string {
  const [recordings, them] = count === 1 ? ["1 other recording is", "it"] : [`${count} other recordings are`, "each of them"];
  const cure = mayWrite ? ` Open ${them} and choose “Embed again” there.` : "";
  return `${recordings} left out: an earlier version of ${model ?? "the model"} embedded ${count === 1 ? "it" : "them"}.${cure}`;
}

type Near = { track: Track; similarity: number; of?: string };

function Row({ near: { track, similarity, of }, beside, preview }: { near: Near; beside: Track; preview: Preview }) {
  return (
    <li className={of ? "alike__copy" : undefined}>
      <PlayButton id={track.id} name={titleOf(track)} sound={{ trackId: track.id, link: track.audio }} preview={preview} />
      <Link href={`/tracks/${track.id}`} className="clip">
        {titleOf(track)}
        {of ? <span className="quiet"> copy of {of}</span> : null}
      </Link>
      <span className={`clip ${track.label ? "alike__label" : "quiet"}`}>{labelOrWhy(track)}</span>
      <span className="quiet alike__length">{time(track.duration_s, 0)}</span>
      <span className="bar__track" aria-hidden="true">
        <span className="bar__fill" style={{ width: `${Math.max(0, similarity) * 100}%` }} />
      </span>
      <span className="bar__value" title="cosine similarity of the embeddings">
        {similarity.toFixed(2).replace("-", "−")}
      </span>
      <MarkButtons what={{ trackId: track.id, name: titleOf(track) }} also={{ trackId: beside.id, name: titleOf(beside) }} />
      <Unplayed id={track.id} preview={preview} />
    </li>
  );
}

/** The model whose embeddings are compared; null where what is heard decides. */
function useNamedModel(): string | null {
  const [first = AUTO] = useTrackState().state.models ?? [];
  return first === AUTO ? null : first;
}

/** The space of that model's embeddings: its first body, or the model itself; undefined where what is heard decides. */
function useSpace(): string | undefined {
  const card = useModel(useNamedModel() ?? undefined).data;
  return card?.bodies[0]?.name ?? card?.name;
}

function useNeighbours(id: string, stem: string | null, model: string | null) {
  return useQuery({
    queryKey: ["jobs", "alike", id, stem, model],
    queryFn: async ({ signal }) => {
      const params = { path: { track_id: id }, query: { limit: 10, ...(stem && { stem }), ...(model && { model }) } };
      return dataOf(await api.GET("/v1/tracks/{track_id}/similar", { params, signal }));
    },
    retry: false,
  });
}

/** Plays one recording at a time, never together with the page's own. */
function usePreviewBesideTransport(): Preview {
  const { transport } = useTimeAxis();
  const preview = usePreview(() => transport.pause());
  const { stop } = preview;
  useEffect(() => transport.state.subscribe(() => transport.state.get().playing && stop()), [transport, stop]);
  return preview;
}

/** Searches for moments like the loop, or like what is visible. */
function LikeThis({ track }: { track: Track }) {
  const { transport, view } = useTimeAxis();
  const { startS, endS } = useStore(transport.state).loop ?? view;
  return (
    <div>
      <Link className="button" href={addressOfStretch(track.id, startS, endS)}>
        Find moments like {time(startS)} – {time(endS)}
      </Link>
    </div>
  );
}
