import { unexplainedText } from "../state/absent";
import { Button } from "../ui/controls";
import { band, labelText, percent, time } from "../ui/format";
import type { Explanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { type ResultOf, strongestOf, tellsBandsApart } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";
import { Trust } from "./Trust";

type Bands = ResultOf<"explain">["bands"];

/** Where the evidence is, as a sentence and by band, and checks of it. */
export function Why({ explanation }: { explanation: Explanation }) {
  const { explained, trust, computing, checking, checkEvidence } = explanation;
  const { state } = useTrackState();
  const mayWrite = useMayWrite();
  return (
    <section className="panel" aria-labelledby="why-title" aria-busy={computing}>
      <h2 id="why-title">Why</h2>
      {explained ? (
        <>
          <p>
            <Reading text={explained.reading} />
          </p>
          <p className="small quiet">{chanceText(explained)}</p>
          {tellsBandsApart(explained) && <BandShares bands={explained.bands} />}
          {trust ? (
            <Trust trust={trust} windows={explained.windows} />
          ) : mayWrite ? (
            <Button disabled={checking} onClick={checkEvidence}>
              {checking ? "Checking …" : "Check the evidence"}
            </Button>
          ) : null}
        </>
      ) : (
        <p className="quiet">{computing ? "The evidence is being computed." : unexplainedText(state)}</p>
      )}
    </section>
  );
}

/** The label's probability, and what it is of. */
function chanceText({ label, probability, windows, stretch }: ResultOf<"explain">): string {
  const whole = `${labelText(label)} has ${percent(probability)} over the whole recording`;
  const best = strongestOf(windows);
  if (!best || (windows.length === 1 && !stretch && best.probability === probability)) return `${whole}.`;
  return `${whole}, and ${percent(best.probability)} in one window, ${time(best.start_s)} – ${time(best.end_s)}.`;
}

/** A sentence with a label between asterisks, which becomes emphasis. */
function Reading({ text }: { text: string }) {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a sentence have their places only, and keep no state
  return text.split("*").map((part, at) => (at % 2 ? <em key={at}>{part.replaceAll("_", " ")}</em> : part));
}

function BandShares({ bands }: { bands: Bands }) {
  const largest = Math.max(0.01, ...bands.map(({ share }) => share));
  return (
    <table className="columns">
      <caption className="unseen">Share of the evidence by band</caption>
      <tbody>
        {bands.map(({ name, low_hz, high_hz, share }) => (
          <tr key={name} title={`${band(low_hz, high_hz)}: ${percent(share)}`}>
            <th scope="row">{name}</th>
            <td className="columns__bar" aria-hidden="true">
              <span style={{ width: `${(share / largest) * 100}%` }} />
            </td>
            <td>{percent(share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
