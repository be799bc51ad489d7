import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, dataOf, type Track } from "../api/client";
import { errorText } from "../api/problem";
import { useClassifiers } from "../models/queries";
import { modelsOf, modelsText } from "../state/models";
import { useTrackState } from "../state/TrackStateProvider";
import { ErrorNote } from "../ui/controls";
import { time } from "../ui/format";
import { titleOf } from "../ui/tags";
import { addressOf } from "../state/pair";

const MOST = 20;

/** Chooses what a recording is compared with: another recording, or itself by another model. */
export function Comparing({ track, onDone }: { track: Track; onDone: () => void }) {
  const [text, setText] = useState("");
  const q = text.trim();
  const found = useQuery({
    queryKey: ["tracks", "compared", q],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/tracks", { params: { query: { limit: MOST + 1, ...(q && { q }) } }, signal })).items,
    placeholderData: keepPreviousData,
  });
  const others = (found.data ?? []).filter(({ id }) => id !== track.id).slice(0, MOST);
  const a = { trackId: track.id, model: null };
  return (
    <div className="stack">
      <input
        type="search"
        className="field"
        aria-label="Another recording"
        placeholder="Another recording, by its name"
        data-focused
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {found.isError ? <ErrorNote>{errorText(found.error)}</ErrorNote> : null}
      <ul className="compared" aria-label="Recordings to compare with">
        {others.map((other) => (
          <li key={other.id}>
            <Link href={addressOf([a, { trackId: other.id, model: null }])} onClick={onDone}>
              {titleOf(other)}
            </Link>{" "}
            <span className="quiet small">{time(other.duration_s, 0)}</span>
          </li>
        ))}
        {found.isSuccess && others.length === 0 ? <li className="quiet">There is no other recording{q ? " of this name" : ""}.</li> : null}
      </ul>
      <OtherModels track={track} onDone={onDone} />
    </div>
  );
}

function OtherModels({ track, onDone }: { track: Track; onDone: () => void }) {
  const { classified } = useTrackState().state;
  const served = useClassifiers().data ?? [];
  const models = classified && modelsOf(classified);
  if (!models) return null;
  const own = models.join();
  return (
    <>
      <h2>or another model on this recording</h2>
      <ul className="compared" aria-label="Models to compare with">
        {served
          .filter(({ name }) => name !== own)
          .map(({ name, kind }) => (
            <li key={name}>
              <Link href={addressOf([{ trackId: track.id, model: own }, { trackId: track.id, model: name }])} onClick={onDone}>
                {modelsText(models)} and {name}
              </Link>{" "}
              <span className="quiet small">{kind}</span>
            </li>
          ))}
      </ul>
    </>
  );
}
