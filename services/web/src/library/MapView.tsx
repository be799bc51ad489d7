import { lazy } from "react";
import { useEndedJobs } from "./ended";
import { useActiveJobs } from "./queries";
import { Selection } from "./Selection";

const LibraryMap = lazy(() => import("./map/LibraryMap"));

type Props = { search: string; label: string | null; model: string | null; collection: string | null };

/** The library's map, with what can be done with the recordings that are selected on it. */
export function MapView(props: Props) {
  const active = useActiveJobs().data;
  useEndedJobs(active);
  const { model, collection } = props;
  return (
    <LibraryMap
      {...props}
      idle={active?.size === 0}
      actions={(chosen) => <Selection {...chosen} collection={collection} model={model} />}
    />
  );
}
