import { band, decibels, labelText, percent } from "../ui/format";
import type { ResultOf } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";
import { adviceOf } from "../state/doubt";
import { figuresOf } from "../state/figures";
import "./measurements.css";

type Described = ResultOf<"describe">;

/** Tempo, metre, key, tuning, loudness and balance; where there are none, why, as `unmeasured` says. */
export function Measurements({ unmeasured }: { unmeasured: string }) {
  const { state } = useTrackState();
  const described = state.result("describe");
  return (
    <section className="panel" aria-labelledby="sounds-title">
      <h2 id="sounds-title">How it sounds</h2>
      {described ? <Figures described={described} /> : <p className="quiet">{unmeasured}</p>}
    </section>
  );
}

function Figures({ described }: { described: Described }) {
  return (
    <>
      <dl className="facts">
        {figuresOf(described).map(({ name, value, doubt, more }) => (
          <div key={`${name} ${value}`} title={more}>
            <dt>{name}</dt>
            <dd>
              {value}
              {doubt ? <span className="fact__doubt small quiet">{doubt}</span> : null}
            </dd>
          </div>
        ))}
      </dl>
      <Balance described={described} />
    </>
  );
}

/** The share of each band, and in words what stands out against the genre. */
function Balance({ described: { bands, reference } }: { described: Described }) {
  const loudest = Math.max(0.01, ...bands.map(({ share }) => share));
  return (
    <>
      <h3>Balance{reference ? ` beside ${labelText(reference.genre)}` : ""}</h3>
      <ol className="balance">
        {bands.map(({ name, low_hz, high_hz, share }) => {
          const text = `${name}, ${band(low_hz, high_hz)}: ${percent(share)}`;
          return (
            <li key={name} title={text}>
              <span className="balance__bar" aria-hidden="true">
                <span style={{ height: `${Math.sqrt(share / loudest) * 100}%` }} />
              </span>
              <span className="unseen">{text}</span>
            </li>
          );
        })}
      </ol>
      <p className="balance__ends small quiet" aria-hidden="true">
        <span>bass</span>
        <span>brilliance</span>
      </p>
      {reference ? <MixingAdvice reference={reference} /> : null}
    </>
  );
}

function MixingAdvice({ reference }: { reference: NonNullable<Described["reference"]> }) {
  const advice = adviceOf(reference);
  if (advice.length === 0) return <p className="small">No band stands out: all are as {labelText(reference.genre)} usually has them.</p>;
  return (
    <ol className="advice small" aria-label="Mixing advice">
      {advice.map(({ name, differenceDb, text }) => (
        <li key={name}>
          <span>
            {name}: {text}
          </span>
          <strong>
            {differenceDb > 0 ? "+" : ""}
            {decibels(differenceDb)}
          </strong>
        </li>
      ))}
    </ol>
  );
}
