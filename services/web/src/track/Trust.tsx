import type { ResultOf } from "../state/results";
import { type Check, checksOf, figuresText, type Outcome, verdictText, worstOf } from "../state/verdict";

const SIGNS = { passes: "✓", doubtful: "~", fails: "✗" } as const satisfies Record<Outcome, string>;

type Explained = ResultOf<"explain">;
type Props = { trust: NonNullable<Explained["trust"]>; windows: Explained["windows"] };

/** Whether the evidence can be believed: in one sentence, then each check with what it means. */
export function Trust({ trust, windows }: Props) {
  const checks = checksOf(trust);
  const of = figuresText(windows);
  return (
    <div className="believed">
      <h3>Can it be believed?</h3>
      <p className={`believed__verdict believed--${worstOf(checks)}`}>{verdictText(checks)}</p>
      <dl>
        {checks.map((check) => (
          <Row key={check.name} check={check} />
        ))}
      </dl>
      {of ? <p className="small quiet">{of}</p> : null}
    </div>
  );
}

function Row({ check: { name, outcome, figures, why } }: { check: Check }) {
  return (
    <div className={`believed__check believed--${outcome}`}>
      <dt>
        {name}{" "}
        <span className="believed__outcome">
          <span aria-hidden="true">{SIGNS[outcome]} </span>
          <strong>{outcome}</strong>
        </span>
      </dt>
      <dd className="small quiet">{why}</dd>
      <dd className="small">{figures}</dd>
    </div>
  );
}
