import { Button } from "../ui/controls";
import { band, percent, signed } from "../ui/format";
import type { Explanation } from "../state/explanation";
import type { ResultOf } from "../state/results";

type Bands = ResultOf<"explain">["bands"];
type Trust = NonNullable<ResultOf<"explain">["trust"]>;

/** Where the evidence is, as a sentence and by band, and checks of it. */
export function Why({ explanation }: { explanation: Explanation }) {
  const { explained, trust, submitting, checkEvidence } = explanation;
  return (
    <section className="panel" aria-labelledby="why-title" aria-busy={submitting}>
      <h2 id="why-title">Why</h2>
      {explained ? (
        <>
          <p>
            <Reading text={explained.reading} />
          </p>
          <BandShares bands={explained.bands} />
          {trust ? (
            <TrustFigures trust={trust} />
          ) : (
            <Button disabled={submitting} onClick={checkEvidence}>
              {submitting ? "Checking …" : "Check the evidence"}
            </Button>
          )}
        </>
      ) : (
        <p className="quiet">{submitting ? "The evidence is being computed." : "No evidence has been computed yet."}</p>
      )}
    </section>
  );
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

const MEANING: { name: string; value: keyof Trust; random?: keyof Trust; why: string }[] = [
  {
    name: "deletion",
    value: "deletion",
    random: "random_deletion",
    why: "The hottest spots are silenced step by step. Lower than random is good: without its evidence the label becomes less probable.",
  },
  {
    name: "insertion",
    value: "insertion",
    random: "random_insertion",
    why: "The hottest spots are added to silence step by step. Higher than random is good: the evidence alone makes the label probable.",
  },
  {
    name: "random network",
    value: "randomised",
    why: "How similar the heatmap is to that of a network whose last block is random. Far from 1 is good: the heatmap depends on what the model learned.",
  },
];

function TrustFigures({ trust }: { trust: Trust }) {
  return (
    <dl className="trust">
      {MEANING.map(({ name, value, random, why }) => (
        <div key={name} className="tip" tabIndex={0} aria-describedby={`trust-${value}`}>
          <dt>{name}</dt>
          <dd>
            {signed(trust[value], 2)}
            {random ? <span className="quiet small"> random {signed(trust[random], 2)}</span> : null}
          </dd>
          <span role="tooltip" id={`trust-${value}`} className="tip__text">
            {why}
          </span>
        </div>
      ))}
    </dl>
  );
}
