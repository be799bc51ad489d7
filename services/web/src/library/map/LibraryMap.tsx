import { useMemo, useState } from "react";
import { errorText } from "../../api/problem";
import { ErrorNote, Button, Skeleton } from "../../ui/controls";
import { type LibraryMap as Drawn, useLibraryMap } from "./queries";
import { atlasOf, filtered } from "./atlas";
import { InView } from "./InView";
import "./map.css";
import { MapPlot } from "./MapPlot";
import { MapStatus } from "./MapStatus";
import { useViewport, useSettled } from "./viewport";
import { methodText } from "./text";

type Filtered = { search: string; label: string | null };
type Props = Filtered & { model: string | null };

/** The library as a map: recordings near each other sound alike to a model, or to the service's default model. */
export default function LibraryMap({ search, label, model }: Props) {
  const found = useLibraryMap(model);
  if (found.isPending) return <MapLoading />;
  if (found.isError) {
    return <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>;
  }
  const map = found.data;
  return (
    <section className="map" aria-label="Map of the library">
      <MapStatus key={map.model} map={map} />
      {map.points?.length ? <Plane key={`${map.model} ${map.drawn_at}`} map={map} search={search} label={label} /> : null}
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

function Plane({ map, search, label }: Filtered & { map: Drawn }) {
  const atlas = useMemo(() => atlasOf(map.points ?? []), [map.points]);
  const filter = useMemo(() => filtered(atlas.points, search, label), [atlas, search, label]);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const frame = useMemo(() => ({ bounds: atlas.bounds, size }), [atlas, size]);
  const viewport = useViewport(`${map.model} ${map.drawn_at}`, atlas.bounds);
  return (
    <>
      <MapPlot atlas={atlas} filter={filter} label={label} viewport={viewport} onSize={setSize} />
      {filter.count === 0 ? <p role="status">No recording on the map matches.</p> : null}
      <p className="quiet small">{methodText(map)}</p>
      <InView atlas={atlas} filter={filter} view={useSettled(viewport.view)} frame={frame} />
    </>
  );
}
