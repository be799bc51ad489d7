import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, dataOf, type Track } from "../api/client";
import { PlayButton, Unplayed } from "../sound/PlayButton";
import { type Preview, usePreview } from "../sound/preview";
import { Button, IconButton } from "../ui/controls";
import { titleOf } from "../ui/tags";
import type { Example } from "./queries";

/** A label and the recordings that were chosen for it. */
export type Chosen = { id: number; label: string; tracks: Track[] };

const SHOWN = 8;

/** The recordings by label, as a request has them; without labels that have no name or no recording. */
export function examplesOf(chosen: readonly Chosen[]): Record<string, Example[]> {
  const found = new Map<string, Set<string>>();
  for (const { label, tracks } of chosen) {
    const name = label.trim();
    if (!name || tracks.length === 0) continue;
    const ids = found.get(name) ?? new Set<string>();
    for (const { id } of tracks) ids.add(id);
    found.set(name, ids);
  }
  return Object.fromEntries([...found].map(([label, ids]) => [label, [...ids]]));
}

type Props = { chosen: Chosen[]; onChange: (chosen: Chosen[]) => void };

/** For each label a field that finds recordings by name. */
export function ChosenRecordings({ chosen, onChange }: Props) {
  const [next, setNext] = useState(0);
  const preview = usePreview();
  const rows = chosen.length ? chosen : [{ id: -1, label: "", tracks: [] }, { id: -2, label: "", tracks: [] }];
  const change = (row: Chosen) => onChange(rows.map((one) => (one.id === row.id ? row : one)));
  return (
    <div className="stack">
      {rows.map((row, at) => (
        <OneLabel key={row.id} row={row} number={at + 1} preview={preview} onChange={change} onRemove={rows.length > 2 ? () => onChange(rows.filter((one) => one !== row)) : null} />
      ))}
      <div>
        <Button
          onClick={() => {
            onChange([...rows, { id: next, label: "", tracks: [] }]);
            setNext(next + 1);
          }}
        >
          Another label
        </Button>
      </div>
    </div>
  );
}

type OneProps = { row: Chosen; number: number; preview: Preview; onChange: (row: Chosen) => void; onRemove: (() => void) | null };

function OneLabel({ row, number, preview, onChange, onRemove }: OneProps) {
  const { id: ofRow, label, tracks } = row;
  const add = (track: Track) => onChange({ ...row, tracks: tracks.some(({ id }) => id === track.id) ? tracks : [...tracks, track] });
  return (
    <fieldset className="teaching__label">
      <legend className="unseen">Label {number}</legend>
      <div className="row">
        <input
          className="field"
          aria-label={`Label ${number}`}
          placeholder={`label ${number}`}
          maxLength={100}
          value={label}
          onChange={(event) => onChange({ ...row, label: event.currentTarget.value })}
        />
        <Finder name={`Recordings of label ${number}`} onFound={add} />
        {onRemove ? <IconButton icon="close" label={`Remove label ${number}`} onClick={onRemove} /> : null}
      </div>
      {tracks.length ? (
        <ul className="picked" aria-label={`Chosen for label ${number}`}>
          {tracks.map((track) => (
            <li key={track.id} className="picked__one">
              <PlayButton id={`${ofRow} ${track.id}`} name={titleOf(track)} sound={{ trackId: track.id, link: track.audio }} preview={preview} />
              <span className="clip">{titleOf(track)}</span>
              <IconButton icon="close" label={`Remove ${titleOf(track)}`} onClick={() => onChange({ ...row, tracks: tracks.filter(({ id }) => id !== track.id) })} />
              <Unplayed id={`${ofRow} ${track.id}`} preview={preview} />
            </li>
          ))}
        </ul>
      ) : null}
    </fieldset>
  );
}

/** Finds recordings by name, and hands over those that are pressed. */
function Finder({ name, onFound }: { name: string; onFound: (track: Track) => void }) {
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const words = typed.trim();
  const found = useQuery({
    queryKey: ["tracks", "named", words, SHOWN],
    enabled: open,
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/tracks", { params: { query: { limit: SHOWN, ...(words && { q: words }) } }, signal })).items,
  });
  return (
    <div className="finder" role="group" aria-label={name} onBlur={(event) => event.currentTarget.contains(event.relatedTarget) || setOpen(false)}>
      <input
        className="field"
        type="search"
        aria-label={name}
        placeholder="find a recording by name"
        value={typed}
        onFocus={() => setOpen(true)}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {/* Some browsers focus no button that is clicked: the field would lose the focus, and the list be gone before the click. */}
      <ul className="finder__list" aria-label={`Found: ${name.toLowerCase()}`} hidden={!open} onMouseDown={(event) => event.preventDefault()}>
        {found.data?.map((track) => (
          <li key={track.id}>
            <Button onClick={() => onFound(track)}>{titleOf(track)}</Button>
          </li>
        ))}
        {found.data?.length === 0 ? <li className="quiet small">No recording has this in its name.</li> : null}
      </ul>
    </div>
  );
}
