import { useModel } from "../models/queries";
import { percent, words } from "../ui/format";
import type { Explanation } from "./explanation";
import type { Classified } from "./results";

/** The most probable labels, and whether any is probable enough. */
export function Heard({ classified, explanation }: { classified: Classified | null; explanation: Explanation }) {
  const model = useModel(classified?.model.name).data;
  if (!classified) return <Panel>Not listened to yet.</Panel>;
  const best = classified.top[0];
  const least = model?.unknown_below;
  return (
    <section className="panel" aria-labelledby="heard-title">
      <h2 id="heard-title">What it hears</h2>
      <ol className="bars">
        {classified.top.map(({ label, probability }, place) => (
          <li key={label} className={`bar ${place === 0 && !classified.unknown ? "bar--winner" : ""}`}>
            <button
              type="button"
              className="bar__name clip"
              title={`Show the evidence for ${words(label)}`}
              onClick={() => explanation.choose({ label })}
            >
              {words(label)}
            </button>
            <span className="bar__track" aria-hidden="true">
              <span style={{ width: `${probability * 100}%` }} />
              {least === undefined ? null : <i style={{ left: `${least * 100}%` }} />}
            </span>
            <span className="bar__value">{percent(probability)}</span>
          </li>
        ))}
      </ol>
      {best && least !== undefined ? <p className="small quiet">{verdict(classified.unknown, best.probability, least)}</p> : null}
      <p className="small quiet">by {classified.model.name}</p>
      {classified.warnings.map((warning) => (
        <p key={warning} className="small quiet">
          {warning}
        </p>
      ))}
    </section>
  );
}

function Panel({ children }: { children: string }) {
  return (
    <section className="panel">
      <h2>What it hears</h2>
      <p className="quiet">{children}</p>
    </section>
  );
}

function verdict(unknown: boolean, probability: number, least: number): string {
  const shown = `${probability.toFixed(2)} ${unknown ? "<" : "≥"} ${least.toFixed(2)}`;
  return unknown ? `Unknown: no label is likely enough over the whole recording (${shown}).` : `Not unknown (${shown}).`;
}
