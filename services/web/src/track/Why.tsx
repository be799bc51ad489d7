import { Button } from "../ui/controls";
import { band, percent } from "../ui/format";
import type { Explanation } from "../state/explanation";
import type { Band, Trust } from "../state/results";

/** Where the evidence lies, in a sentence and in bands, and how far it can be believed. */
export function Why({ explanation }: { explanation: Explanation }) {
  const { explained, trust, asking, askTrust } = explanation;
  return (
    <section className="panel" aria-labelledby="why-title" aria-busy={asking}>
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
            <Button disabled={asking} onClick={askTrust}>
              {asking ? "At work …" : "Can it be believed?"}
            </Button>
          )}
        </>
      ) : (
        <p className="quiet">{asking ? "The evidence is being gathered." : "No evidence was asked for yet."}</p>
      )}
    </section>
  );
}

/** A sentence in which a label stands between asterisks. */
function Reading({ text }: { text: string }) {
  return text.split("*").map((part, at) => (at % 2 ? <em key={at}>{part.replaceAll("_", " ")}</em> : part));
}

function BandShares({ bands }: { bands: Band[] }) {
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

const MEANING: { name: string; value: keyof Trust; beside?: keyof Trust; why: string }[] = [
  {
    name: "deletion",
    value: "deletion",
    beside: "random_deletion",
    why: "The hottest spots are silenced step by step. Below the random figure is good: without its evidence the label falls.",
  },
  {
    name: "insertion",
    value: "insertion",
    beside: "random_insertion",
    why: "The hottest spots are put into silence. Above the random figure is good: the evidence alone brings the label back.",
  },
  {
    name: "another network",
    value: "randomised",
    why: "How much the map resembles that of a network whose last block is random. Far from 1 is good: it shows what was learned.",
  },
];

function TrustFigures({ trust }: { trust: Trust }) {
  return (
    <dl className="trust">
      {MEANING.map(({ name, value, beside, why }) => (
        <div key={name} className="tip" tabIndex={0} aria-describedby={`trust-${value}`}>
          <dt>{name}</dt>
          <dd>
            {trust[value].toFixed(2)}
            {beside ? <span className="quiet small"> random {trust[beside].toFixed(2)}</span> : null}
          </dd>
          <span role="tooltip" id={`trust-${value}`} className="tip__text">
            {why}
          </span>
        </div>
      ))}
    </dl>
  );
}
