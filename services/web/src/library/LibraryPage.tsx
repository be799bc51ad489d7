import { lazy, Suspense, useCallback, useMemo, useRef } from "react";
import { inWords } from "../api/problem";
import { useKeys } from "../ui/keys";
import { BadNote, Button, Choice, Skeleton } from "../ui/controls";
import { LabelChips } from "./LabelChips";
import "./library.css";
import { useLibraryMap } from "./map/queries";
import { useTracks } from "./queries";
import { useShown, useTyped } from "./shown";
import { TrackList } from "./TrackList";
import { UploadPanel } from "./UploadPanel";

const LibraryMap = lazy(() => import("./map/LibraryMap"));

const VIEWS = [
  { value: "list", text: "list" },
  { value: "map", text: "map" },
] as const;

export function LibraryPage() {
  const [{ view, search, label }, show] = useShown();
  const [typed, setTyped] = useTyped(
    search,
    useCallback((search) => show({ search }), [show]),
  );
  const field = useRef<HTMLInputElement>(null);
  const found = useTracks(search, label, view === "list");
  const map = useLibraryMap(view === "map").data;
  const tracks = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  useKeys((event) => event.key === "/" && (field.current?.focus(), true));
  return (
    <main id="main" className={`page page--narrow library ${view === "map" ? "library--map" : ""}`}>
      <h1 className="unseen">Library</h1>
      <UploadPanel />
      <div className="library__filter">
        <LabelChips of={view === "map" ? (map?.points ?? tracks) : tracks} label={label} onChange={(label) => show({ label })} />
        <input
          ref={field}
          className="field"
          type="search"
          placeholder="Search by name"
          aria-label="Search by name"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Choice label="Library as" value={view} options={VIEWS} onChange={(view) => show({ view })} />
      </div>
      {view === "map" ? (
        <Suspense fallback={<Rows />}>
          <LibraryMap search={search} label={label} />
        </Suspense>
      ) : (
        <List found={found} tracks={tracks} filtered={Boolean(search || label)} />
      )}
    </main>
  );
}

type ListProps = { found: ReturnType<typeof useTracks>; tracks: Parameters<typeof TrackList>[0]["tracks"]; filtered: boolean };

function List({ found, tracks, filtered }: ListProps) {
  if (found.isPending) return <Rows />;
  return (
    <>
      {found.isError ? (
        <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>
      ) : null}
      {found.isSuccess && tracks.length === 0 ? <Nothing filtered={filtered} /> : null}
      {tracks.length ? (
        <TrackList
          tracks={tracks}
          more={found.hasNextPage}
          onMore={() => {
            if (!found.isFetchingNextPage) void found.fetchNextPage();
          }}
        />
      ) : null}
    </>
  );
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
