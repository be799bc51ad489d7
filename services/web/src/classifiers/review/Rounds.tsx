import { useEffect, useRef } from "react";
import { errorText, sentence } from "../../api/problem";
import { Button, ErrorNote } from "../../ui/controls";
import { announce } from "../../ui/live";
import { type Classifier, isTaught, useVersions, type Version } from "../queries";
import { accuracyText, counted, STATES } from "../words";
import { BATCH, type Teaching } from "./useReview";

const SHOWN = 4;

type Props = { classifier: Classifier; sentSince: number; teach: Teaching; teachNow: () => void };

/** The accuracy of each version since the review began and of the one before, and how many answers the next one wants. */
export function Rounds({ classifier, sentSince, teach, teachNow }: Props) {
  const { name, version, state, problem } = classifier;
  const versions = useVersions(name, version).data ?? [];
  const first = useRef(version);
  useAnnouncement(versions, first.current);
  const shown = versions.filter((one) => one.version >= first.current).slice(0, SHOWN).reverse();
  const [before] = shown;
  return (
    <section className="rounds" aria-label="Accuracy by version">
      <ol>
        {(shown.length ? shown : versions.slice(0, 1)).map((one) => (
          <Round key={one.version} one={one} />
        ))}
      </ol>
      <div className="row wrap small quiet">
        <span role="status">{progressText(state, sentSince, before !== undefined && shown.length > 1)}</span>
        {sentSince > 0 && !isTaught(state) ? (
          <Button disabled={teach.isPending} onClick={teachNow}>
            Teach it now
          </Button>
        ) : null}
      </div>
      {state === "failed" && problem ? <ErrorNote>The last teaching failed. {sentence(problem.detail)}</ErrorNote> : null}
      {teach.isError ? <ErrorNote action={<Button onClick={teachNow}>Teach it now</Button>}>{errorText(teach.error)}</ErrorNote> : null}
    </section>
  );
}

function Round({ one: { version, figures } }: { one: Version }) {
  const { accuracy = null, accuracy_low: low = null, accuracy_high: high = null } = figures ?? {};
  return (
    <li className="rounds__one">
      <span className="quiet">version {version}</span>
      <span className="rounds__bar" aria-hidden="true">
        {low === null || high === null ? null : <span style={{ left: `${low * 100}%`, right: `${100 - high * 100}%` }} />}
        {accuracy === null ? null : <i style={{ left: `${accuracy * 100}%` }} />}
      </span>
      <span>{accuracyText(figures)}</span>
    </li>
  );
}

function progressText(state: Classifier["state"], sentSince: number, risen: boolean): string {
  if (isTaught(state)) return `A newer version is ${STATES[state]}; you can go on.`;
  const missing = Math.max(0, BATCH - sentSince);
  if (!sentSince) return risen ? `Taught again. ${BATCH} more answers make the next version.` : `It is taught again after ${BATCH} answers.`;
  return `${counted(sentSince, "answer")} since: taught again after ${missing} more.`;
}

/** Says the accuracy before and after when a newer version is there. */
function useAnnouncement(versions: readonly Version[], first: number): void {
  const said = useRef(first);
  useEffect(() => {
    const [newest, before] = versions;
    if (!newest || newest.version <= said.current) return;
    said.current = newest.version;
    announce(`Version ${newest.version}: accuracy ${accuracyText(newest.figures)}${before ? `, before ${accuracyText(before.figures)}` : ""}.`);
  }, [versions]);
}
