import { useMemo, useState } from "react";
import { inWords } from "../../api/problem";
import { BadNote, Button, Skeleton } from "../../ui/controls";
import { type LibraryMap as Drawn, useLibraryMap } from "./queries";
import { atlasOf, filtered } from "./atlas";
import { InView } from "./InView";
import "./map.css";
import { MapPlot } from "./MapPlot";
import { MapStanding } from "./MapStanding";
import { useMoving, useSettled } from "./moving";
import { accountOf } from "./words";

type Filtered = { search: string; label: string | null };

/** The library on a plane: what is near sounds alike. */
export default function LibraryMap({ search, label }: Filtered) {
  const found = useLibraryMap();
  if (found.isPending) return <MapLoading />;
  if (found.isError) {
    return <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>;
  }
  const map = found.data;
  return (
    <section className="map" aria-label="Map of the library">
      <MapStanding map={map} />
      {map.points?.length ? <Plane key={map.drawn_at} map={map} search={search} label={label} /> : null}
    </section>
  );
}

export function MapLoading() {
  return (
    <div aria-busy="true" aria-label="Loading the map">
      <Skeleton height="60dvh" />
    </div>
  );
}

function Plane({ map, search, label }: Filtered & { map: Drawn }) {
  const atlas = useMemo(() => atlasOf(map.points ?? []), [map.points]);
  const filter = useMemo(() => filtered(atlas.points, search, label), [atlas, search, label]);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const frame = useMemo(() => ({ bounds: atlas.bounds, size }), [atlas, size]);
  const moving = useMoving(map.drawn_at ?? "", atlas.bounds);
  return (
    <>
      <MapPlot atlas={atlas} filter={filter} label={label} moving={moving} onSize={setSize} />
      {filter.count === 0 ? <p role="status">No recording on the map fits.</p> : null}
      <p className="quiet small">{accountOf(map)}</p>
      <InView atlas={atlas} filter={filter} view={useSettled(moving.view)} frame={frame} />
    </>
  );
}
