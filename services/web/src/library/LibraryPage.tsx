import { lazy, Suspense, useCallback, useMemo, useRef } from "react";
import { errorText } from "../api/problem";
import { useKeys } from "../ui/keys";
import { ErrorNote, Button, Choice, Skeleton } from "../ui/controls";
import { LabelChips } from "./LabelChips";
import { LabelModel } from "./LabelModel";
import "./library.css";
import { useLibraryMap } from "./map/queries";
import { useTracks } from "./queries";
import { labelledBy, labelsBy, useLibraryView, useSearchField } from "./libraryView";
import { TrackList } from "./TrackList";
import { UploadPanel } from "./UploadPanel";

const LibraryMap = lazy(() => import("./map/LibraryMap"));

const VIEWS = [
  { value: "list", text: "list" },
  { value: "map", text: "map" },
] as const;

export function LibraryPage() {
  const [shown, show] = useLibraryView();
  const { view, search, label, model } = shown;
  const [typed, setTyped] = useSearchField(
    search,
    useCallback((search) => show({ search }), [show]),
  );
  const field = useRef<HTMLInputElement>(null);
  const found = useTracks(shown, view === "list");
  const map = useLibraryMap(model, view === "map").data;
  const tracks = useMemo(() => found.data?.pages.flatMap((page) => page.items.map((track) => labelledBy(track, model))) ?? [], [found.data, model]);
  const labelled = useMemo(() => tracks.map((track) => ({ labels: labelsBy(track, model) })), [tracks, model]);
  useKeys((event) => {
    if (event.key !== "/") return false;
    field.current?.focus();
    return true;
  });
  return (
    <main id="main" className={`page page--narrow library ${view === "map" ? "library--map" : ""}`}>
      <h1 className="unseen">Library</h1>
      <UploadPanel />
      <div className="library__filter">
        <LabelChips
          key={`${view} ${model}`}
          of={view === "map" ? (map?.points ?? []) : labelled}
          label={label}
          onChange={(label) => show({ label })}
        />
        <LabelModel model={model} onChange={(model) => show({ model, label: null })} />
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
          <LibraryMap search={search} label={label} model={model} />
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
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
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
    <div className="stack" role="status" aria-busy="true" aria-label="Loading the library">
      {[1, 2, 3, 4, 5, 6].map((row) => (
        <Skeleton key={row} height={48} />
      ))}
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return (
    <div className="empty">
      {filtered ? <p>No recording matches.</p> : <p>Your library is empty. Drop a recording above, or record one.</p>}
    </div>
  );
}
