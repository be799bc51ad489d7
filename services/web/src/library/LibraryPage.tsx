import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { errorText } from "../api/problem";
import { useKeys } from "../ui/keys";
import { ErrorNote, Button, Choice, Select, Skeleton } from "../ui/controls";
import { LabelChips } from "./LabelChips";
import { LabelModel } from "./LabelModel";
import "./library.css";
import { Empty } from "./Empty";
import { useLibrary, useTracks } from "./queries";
import { labelledBy, SORTS, useLibraryView, useSearchField } from "./libraryView";
import { Selection } from "./Selection";
import { Tour } from "./Tour";
import { TrackList } from "./TrackList";
import { UploadPanel } from "./UploadPanel";

const LibraryMap = lazy(() => import("./map/LibraryMap"));

const VIEWS = [
  { value: "list", text: "list" },
  { value: "map", text: "map" },
] as const;

export function LibraryPage() {
  const [shown, show] = useLibraryView();
  const { view, search, label, model, sort } = shown;
  const [typed, setTyped] = useSearchField(
    search,
    useCallback((search) => show({ search }), [show]),
  );
  const field = useRef<HTMLInputElement>(null);
  const found = useTracks(shown, view === "list");
  const library = useLibrary(model).data;
  const [selected, setSelected] = useState<ReadonlySet<string> | null>(null);
  const tracks = useMemo(() => found.data?.pages.flatMap((page) => page.items.map((track) => labelledBy(track, model))) ?? [], [found.data, model]);
  useKeys((event) => {
    if (event.key !== "/") return false;
    field.current?.focus();
    return true;
  });
  return (
    <main id="main" className={`page page--narrow library ${view === "map" ? "library--map" : ""}`}>
      <h1 className="unseen">Library</h1>
      <Tour />
      <UploadPanel />
      <div className="library__filter">
        <LabelChips key={model} labels={library?.labels ?? []} label={label} onChange={(label) => show({ label })} />
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
        <div className="row">
          <Choice label="Library as" value={view} options={VIEWS} onChange={(view) => show({ view })} />
          {view === "list" && tracks.length ? (
            <Button aria-pressed={selected !== null} onClick={() => setSelected(selected ? null : new Set())}>
              Select
            </Button>
          ) : null}
        </div>
      </div>
      {view === "map" ? (
        <Suspense fallback={<Rows />}>
          <LibraryMap search={search} label={label} model={model} />
        </Suspense>
      ) : (
        <>
          {library && tracks.length ? (
            <div className="row spread library__count">
              <span className="quiet small">{countText(library.tracks)}</span>
              <Select label="sorted by" name="Order of the library" value={sort} options={SORTS} onChange={(sort) => show({ sort })} />
            </div>
          ) : null}
          {selected ? <Selection tracks={tracks} selected={selected} onSelect={(ids) => setSelected(new Set(ids))} onDone={() => setSelected(null)} /> : null}
          <List found={found} tracks={tracks} filtered={Boolean(search || label)} model={model} selected={selected} onSelect={setSelected} />
        </>
      )}
    </main>
  );
}

function countText(tracks: number): string {
  return tracks === 1 ? "1 recording in the library" : `${tracks.toLocaleString("en-GB")} recordings in the library`;
}

type ListProps = Pick<Parameters<typeof TrackList>[0], "tracks" | "model" | "selected" | "onSelect"> & {
  found: ReturnType<typeof useTracks>;
  filtered: boolean;
};

function List({ found, tracks, filtered, model, selected, onSelect }: ListProps) {
  if (found.isPending) {
    return (
      <>
        {found.failureReason ? <p role="status">{errorText(found.failureReason)} Trying again …</p> : null}
        <Rows />
      </>
    );
  }
  return (
    <>
      {found.isError ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.isSuccess && tracks.length === 0 ? <Nothing filtered={filtered} /> : null}
      {tracks.length ? (
        <TrackList
          tracks={tracks}
          model={model}
          selected={selected}
          onSelect={onSelect}
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
  if (!filtered) return <Empty />;
  return (
    <div className="empty">
      <p>No recording matches.</p>
    </div>
  );
}
