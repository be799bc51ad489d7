import { type ResultOf, strongestOf } from "../state/results";
import { time } from "../ui/format";
import { type Check, checksOf, type Outcome, verdictText, worstOf } from "../state/verdict";

const SIGNS = { passes: "✓", doubtful: "~", fails: "✗" } as const satisfies Record<Outcome, string>;

type Explained = ResultOf<"explain">;
type Props = { trust: NonNullable<Explained["trust"]>; windows: Explained["windows"] };

/** Whether the evidence can be believed: in one sentence, then each check with what it means. */
export function Trust({ trust, windows }: Props) {
  const checks = checksOf(trust);
  const checked = strongestOf(windows);
  return (
    <div className="believed">
      <h3>Can it be believed?</h3>
      <p className={`believed__verdict believed--${worstOf(checks)}`}>{verdictText(checks)}</p>
      <dl>
        {checks.map((check) => (
          <Row key={check.name} check={check} />
        ))}
      </dl>
      {checked ? (
        <p className="small quiet">
          The figures are of the label's probability, on average while the spots change, in one window: {time(checked.start_s)} – {time(checked.end_s)}.
        </p>
      ) : null}
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
