import { signed } from "../ui/format";
import type { ResultOf } from "../state/results";
import { type Check, type Trust as Figures, checksOf, verdictText } from "./verdict";

/** Whether the evidence can be believed: in one sentence, then each check with what it means. */
export function Trust({ trust }: { trust: NonNullable<ResultOf<"explain">["trust"]> }) {
  const checks = checksOf(trust satisfies Figures);
  return (
    <div className="believed">
      <h3>Can it be believed?</h3>
      <p>{verdictText(checks)}</p>
      <dl>
        {checks.map((check) => (
          <Row key={check.name} check={check} />
        ))}
      </dl>
    </div>
  );
}

function Row({ check: { name, outcome, value, random, why } }: { check: Check }) {
  return (
    <div className={`believed__check believed__check--${outcome}`}>
      <dt>
        {name} <strong>{outcome}</strong>
        <span className="quiet small">
          {" "}
          {signed(value, 2)}
          {random === null ? null : `, random ${signed(random, 2)}`}
        </span>
      </dt>
      <dd className="small quiet">{why}</dd>
    </div>
  );
}
