import { type Dispatch, type ReactNode, type SetStateAction, useMemo, useRef, useState } from "react";
import { errorText } from "../../api/problem";
import { ErrorNote, Button, Skeleton } from "../../ui/controls";
import { useFocusBack } from "../../ui/focus";
import { announce } from "../../ui/live";
import { type LibraryMap as Drawn, type MapPoint, useFoundOnMap, useLibraryMap } from "./queries";
import { type Atlas, atlasOf, filtered } from "./atlas";
import { isInside, toPixel } from "./mapView";
import { InView } from "./InView";
import "./map.css";
import "./tools.css";
import { MapPlot } from "./MapPlot";
import { MapStatus } from "./MapStatus";
import { useViewport, useSettled } from "./viewport";
import { methodText } from "./text";

const NONE: ReadonlySet<string> = new Set();

/** What is selected on the map, and what to do once that was dealt with. */
export type Chosen = { items: { id: string; filename: string }[]; onDone: () => void; onDeleted: (gone: ReadonlySet<string>) => void };
type Filtered = { search: string; label: string | null };
type Shown = Filtered & { model: string | null; collection: string | null; actions: (chosen: Chosen) => ReactNode };
type Props = Shown & {
  /** Whether nothing is analysed now. */
  idle: boolean;
};

/** The library as a map: recordings near each other sound alike to a model, or to the service's default model. */
export default function LibraryMap({ search, label, model, collection, idle, actions }: Props) {
  const found = useLibraryMap(model, collection);
  if (found.isPending) return <MapLoading />;
  if (found.isError) {
    return <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>;
  }
  const map = found.data;
  return (
    <section className="map" aria-label="Map of the library">
      <MapStatus key={map.model} map={map} idle={idle} />
      {map.points?.length ? <Selecting key={`${map.model} ${collection}`} map={map} search={search} label={label} model={model} collection={collection} actions={actions} /> : null}
    </section>
  );
}

export function MapLoading() {
  return (
    <div role="status" aria-busy="true" aria-label="Loading the map">
      <Skeleton height="60dvh" />
    </div>
  );
}

function itemOf({ points }: Atlas) {
  return (index: number) => {
    const { track_id, filename } = points[index] as MapPoint;
    return { id: track_id, filename };
  };
}

type Selected = { selected: ReadonlySet<string>; setSelected: Dispatch<SetStateAction<ReadonlySet<string>>> };

/** The map with its selection, which is kept when the map is drawn again. */
function Selecting(shown: Shown & { map: Drawn }) {
  const [selected, setSelected] = useState(NONE);
  return <Plane key={shown.map.drawn_at} selected={selected} setSelected={setSelected} {...shown} />;
}

function Plane({ map, search, label, model, collection, actions, selected, setSelected }: Shown & Selected & { map: Drawn }) {
  const atlas = useMemo(() => atlasOf(map.points ?? [], model), [map.points, model]);
  const found = useFoundOnMap(search, model, map.drawn_at ?? null);
  const matches = search ? (found.data ?? null) : null;
  const filter = useMemo(() => filtered(atlas.points, matches, label), [atlas, matches, label]);
  const below = useRef<HTMLDivElement>(null);
  useFocusBack(below, selected.size ? "selection" : null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const frame = useMemo(() => ({ bounds: atlas.bounds, size }), [atlas, size]);
  const chosen = useMemo(() => [...atlas.points.keys()].filter((index) => selected.has(atlas.points[index]?.track_id ?? "")), [atlas, selected]);
  const choose = (indices: readonly number[]) => {
    setSelected(new Set(indices.flatMap((index) => atlas.points[index]?.track_id ?? [])));
    announce(indices.length === 1 ? "1 recording is selected." : `${indices.length} recordings are selected.`);
  };
  const seen = () => [...atlas.points.keys()].filter((index) => filter.fits(index) && isInside(toPixel(atlas.points[index] as MapPoint, viewport.view, frame), size));
  const viewport = useViewport(`${map.model} ${map.drawn_at} ${collection}`, atlas.bounds);
  return (
    <>
      <MapPlot atlas={atlas} filter={filter} label={label} viewport={viewport} chosen={chosen} onChoose={choose} onSize={setSize} />
      {selected.size
        ? actions({
            items: chosen.map(itemOf(atlas)),
            onDone: () => setSelected(NONE),
            onDeleted: (gone) => setSelected((now) => new Set([...now].filter((id) => !gone.has(id)))),
          })
        : null}
      <div ref={below}>
        <Button onClick={() => choose(seen())}>Select what is in view</Button>
      </div>
      {found.isError ? <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote> : null}
      {filter.count === 0 ? <p role="status">No recording on the map matches.</p> : null}
      <p className="quiet small">{methodText(map)}</p>
      <InView atlas={atlas} filter={filter} view={useSettled(viewport.view)} frame={frame} />
    </>
  );
}
