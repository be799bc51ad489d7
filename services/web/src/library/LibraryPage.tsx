import { Suspense, useCallback, useMemo, useRef } from "react";
import { errorText } from "../api/problem";
import { Link, useSearch } from "wouter";
import { Writes } from "../state/mayWrite";
import { useFocusBack } from "../ui/focus";
import { useKeys } from "../ui/keys";
import { ErrorNote, Button, Choice, Select, Skeleton } from "../ui/controls";
import { LabelChips } from "./LabelChips";
import { LabelModel } from "./LabelModel";
import { CollectionBar } from "./CollectionBar";
import { useCollections } from "./collections";
import { countText, matching } from "./counts";
import { DENSITIES, useDensity, useIsWide } from "./density";
import "./library.css";
import "./shelf.css";
import { Empty } from "./Empty";
import { useLibrary, useTracks } from "./queries";
import { addressOfWords, labelledBy, SORTS, useLibraryView, useSearchField } from "./libraryView";
import { SearchField } from "./SearchField";
import { SelectAll } from "./SelectAll";
import { Selection } from "./Selection";
import { Tour } from "./Tour";
import { MapView } from "./MapView";
import { TrackList } from "./TrackList";
import { UploadPanel } from "./UploadPanel";
import { useSelection } from "./useSelection";

const VIEWS = [
  { value: "list", text: "list" },
  { value: "map", text: "map" },
] as const;

export function LibraryPage() {
  const [shown, show] = useLibraryView();
  const { view, search, label, model, collection, sort } = shown;
  const [density, setDensity] = useDensity();
  const dense = density === "dense";
  const wide = useIsWide();
  const [typed, setTyped] = useSearchField(
    search,
    useCallback((search) => show({ search }), [show]),
  );
  const address = useSearch();
  const page = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const found = useTracks(shown, view === "list", dense && wide);
  const library = useLibrary(model).data;
  const collections = useCollections().data ?? [];
  const tracks = useMemo(() => found.data?.pages.flatMap((page) => page.items.map((track) => labelledBy(track, model))) ?? [], [found.data, model]);
  const selection = useSelection(shown, tracks, new URLSearchParams(address).has("select"));
  const { selected, select, chosen } = selection;
  const filtered = Boolean(search || label || collection);
  useFocusBack(page, selected ? "selection" : null);
  useFocusBack(page, tracks.length ? "recordings" : null);
  const known = library && { read: tracks.length, more: found.hasNextPage, library, collections };
  useKeys((event) => {
    if (event.key !== "/") return false;
    field.current?.focus();
    return true;
  });
  return (
    <main ref={page} id="main" className={`page page--narrow library ${view === "map" ? "library--map" : dense ? "library--dense" : ""}`}>
      <h1 className="unseen">Library</h1>
      <Tour page={page} />
      <Writes>
        <UploadPanel />
      </Writes>
      <div className="library__filter">
        <LabelChips key={model} labels={library?.labels ?? []} label={label} onChange={(label) => show({ label })} />
        <LabelModel model={model} onChange={(model) => show({ model, label: null })} />
        <SearchField field={field} value={typed} collection={collection} onChange={setTyped} opens={filtered ? "recordings" : undefined} />
        <div className="row">
          <Choice label="Library as" value={view} options={VIEWS} onChange={(view) => show({ view })} />
          {view === "list" && tracks.length ? (
            <Button data-opens="selection" aria-pressed={selected !== null} onClick={() => select(selected ? null : new Set())}>
              Select
            </Button>
          ) : null}
        </div>
      </div>
      {search ? (
        <Link href={addressOfWords(search, collection)}>Search for “{search}” by sound too</Link>
      ) : null}
      <CollectionBar collection={collection} onChange={(collection) => show({ collection })} />
      {view === "map" ? (
        <Suspense fallback={<Rows />}>
          <MapView search={search} label={label} model={model} collection={collection} />
        </Suspense>
      ) : (
        <>
          {known && tracks.length ? (
            <div className="row spread library__count">
              <span className="quiet small">{found.isPlaceholderData ? null : countText(shown, known)}</span>
              <span className="row wrap">
                <Select label="rows" name="Density of the rows" value={density} options={DENSITIES} onChange={setDensity} />
                <Select label="sorted by" name="Order of the library" value={sort} options={SORTS} onChange={(sort) => show({ sort })} />
              </span>
            </div>
          ) : null}
          {selected ? (
            <Selection items={chosen} collection={collection} model={model} onDone={() => select(null)} onDeleted={selection.drop}>
              <SelectAll tracks={tracks} selection={selection} count={found.hasNextPage && known ? matching(shown, known) : undefined} />
            </Selection>
          ) : null}
          <List found={found} tracks={tracks} filtered={filtered} density={density} model={model} selected={selected} onSelect={select} />
        </>
      )}
    </main>
  );
}

type ListProps = Pick<Parameters<typeof TrackList>[0], "tracks" | "model" | "selected" | "onSelect" | "density"> & {
  found: ReturnType<typeof useTracks>;
  filtered: boolean;
};

function List({ found, tracks, filtered, density, model, selected, onSelect }: ListProps) {
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
          density={density}
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
