import { useDeferredValue, useMemo, useRef, useState } from "react";
import type { Track } from "../api/client";
import { inWords } from "../api/problem";
import { useKeys } from "../app/keys";
import { BadNote, Button, Skeleton } from "../ui/controls";
import { words } from "../ui/format";
import "./library.css";
import { useTracks } from "./queries";
import { TrackList } from "./TrackList";
import { UploadPanel } from "./UploadPanel";

const MOST_CHIPS = 12;

export function LibraryPage() {
  const [search, setSearch] = useState("");
  const [label, setLabel] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const found = useTracks(useDeferredValue(search.trim()), label);
  const tracks = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  useKeys((event) => event.key === "/" && (field.current?.focus(), true));
  return (
    <main id="main" className="page page--narrow library">
      <h1 className="unseen">Library</h1>
      <UploadPanel />
      <div className="library__filter">
        <LabelChips tracks={tracks} label={label} onChange={setLabel} />
        <input
          ref={field}
          className="field"
          type="search"
          placeholder="Search by name"
          aria-label="Search by name"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      </div>
      {found.isPending ? <Rows /> : null}
      {found.isError ? (
        <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>
      ) : null}
      {found.isSuccess && tracks.length === 0 ? <Nothing filtered={Boolean(search || label)} /> : null}
      {tracks.length ? (
        <TrackList
          tracks={tracks}
          more={found.hasNextPage}
          onMore={() => {
            if (!found.isFetchingNextPage) void found.fetchNextPage();
          }}
        />
      ) : null}
    </main>
  );
}

type ChipsProps = { tracks: Track[]; label: string | null; onChange: (label: string | null) => void };

function LabelChips({ tracks, label, onChange }: ChipsProps) {
  const known = useRef(new Map<string, number>());
  const labels = useMemo(() => {
    if (label === null) known.current = counted(tracks);
    const found = [...known.current.entries()].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    const shown = found.slice(0, MOST_CHIPS);
    return label && !shown.includes(label) ? [label, ...shown] : shown;
  }, [tracks, label]);
  if (labels.length === 0) return <div />;
  return (
    <div className="chips" role="group" aria-label="Filter by label">
      {[null, ...labels].map((name) => (
        <button key={name ?? ""} type="button" className="chip" aria-pressed={name === label} onClick={() => onChange(name)}>
          {name === null ? "all" : words(name)}
        </button>
      ))}
    </div>
  );
}

function counted(tracks: Track[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of tracks) if (label) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function Rows() {
  return (
    <div className="stack" aria-busy="true" aria-label="Loading the library">
      {Array.from({ length: 6 }, (_, row) => (
        <Skeleton key={row} height={48} />
      ))}
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return (
    <div className="empty">
      {filtered ? <p>No recording fits.</p> : <p>Your library is empty. Drop a recording above, or record one.</p>}
    </div>
  );
}
