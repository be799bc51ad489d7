import { errorText } from "../api/problem";
import { Button, ErrorNote, Skeleton } from "../ui/controls";
import { ago } from "../ui/format";
import { useClassifierActions, useVersions, type Version } from "./queries";
import { accuracyText, counted } from "./words";

/** Each teaching of a classifier, the newest first, with its file. */
export function Versions({ name, newest }: { name: string; newest: number }) {
  const found = useVersions(name, newest);
  const { take } = useClassifierActions();
  return (
    <section className="stack" aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      {found.isPending ? <Skeleton height={64} /> : null}
      {found.isError ? <ErrorNote>{errorText(found.error)}</ErrorNote> : null}
      <ol className="versions" aria-labelledby="versions">
        {found.data?.map((one) => (
          <Row key={one.version} one={one} busy={take.isPending} onExport={() => take.mutate({ name, version: one.version })} />
        ))}
      </ol>
      {take.isError ? <ErrorNote>{errorText(take.error)}</ErrorNote> : null}
    </section>
  );
}

function Row({ one: { version, label_count: labels, digest, space, figures, taught_at }, busy, onExport }: { one: Version; busy: boolean; onExport: () => void }) {
  return (
    <li className="versions__row">
      <span>Version {version}</span>
      <span>{accuracyText(figures)}</span>
      <span className="quiet small">{figures ? counted(figures.recordings, "recording") : counted(labels, "label")}</span>
      <span className="quiet small clip">{space}</span>
      <span className="quiet small">{ago(taught_at)}</span>
      <span className="mono small quiet clip" title={digest}>
        {digest}
      </span>
      <Button icon="download" disabled={busy} onClick={onExport} aria-label={`Export version ${version}`}>
        Export
      </Button>
    </li>
  );
}
