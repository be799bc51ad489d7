import { band, decibels, labelText, percent, signed } from "../ui/format";
import type { ResultOf } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";
import type { TrackState } from "../state/trackState";
import { adviceOf, keyDoubt, otherTempos, tempoDoubt } from "./doubt";
import "./measurements.css";

type Described = ResultOf<"describe">;

/** A figure: its name, its value, how sure it is where that is known, and what it means. */
type Figure = { name: string; value: string; doubt?: string | undefined; more?: string };

/** Tempo, metre, key, tuning, loudness and balance. */
export function Measurements() {
  const { state } = useTrackState();
  const described = state.result("describe");
  return (
    <section className="panel" aria-labelledby="sounds-title">
      <h2 id="sounds-title">How it sounds</h2>
      {described ? <Figures described={described} /> : <p className="quiet">{unmeasuredText(state)}</p>}
    </section>
  );
}

/** Why there are no figures. Without a result a task that is not under way has failed. */
function unmeasuredText(state: TrackState): string {
  if (state.isGoing("describe")) return "It is being measured.";
  return state.task("describe") ? "It could not be measured." : "Not measured yet.";
}

function Figures({ described }: { described: Described }) {
  const figures = [...rhythm(described), ...harmony(described), ...levels(described)];
  return (
    <>
      <dl className="facts">
        {figures.map(({ name, value, doubt, more }) => (
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

function levels(described: Described): Figure[] {
  const { loudness_lufs, loudness_range_lu, true_peak_dbfs, true_peaks_dbfs, onset_rate_hz } = described;
  return [
    { name: "loudness", value: loudness_lufs === null ? "—" : decibels(loudness_lufs, "LUFS"), more: loudnessText(described) },
    { name: "range", value: loudness_range_lu == null ? "—" : `${loudness_range_lu.toFixed(1)} LU`, more: "loudness range, EBU Tech 3342" },
    { name: "true peak", value: true_peak_dbfs === null ? "—" : decibels(true_peak_dbfs, "dBFS"), more: peaksText(true_peaks_dbfs) },
    { name: "onsets", value: `${onset_rate_hz.toFixed(1)} a second`, more: "where sounds start" },
  ];
}

function loudnessText({ momentary_max_lufs, short_term_max_lufs }: Described): string {
  const most = (lufs: number | null | undefined, during: string) =>
    lufs == null ? "" : `; at most ${decibels(lufs, "LUFS")} during ${during}`;
  return `integrated, EBU R 128${most(short_term_max_lufs, "3 s")}${most(momentary_max_lufs, "400 ms")}`;
}

function peaksText(peaks: Described["true_peaks_dbfs"] = []): string {
  const each = peaks.map(({ channel, peak_dbfs }) => `${channel ?? "?"} ${peak_dbfs === null ? "—" : decibels(peak_dbfs, "dBFS")}`);
  return `between samples included${each.length > 1 ? `: ${each.join(", ")}` : ""}`;
}

function rhythm(described: Described): Figure[] {
  const { tempo_bpm, tempo_confidence, metre, beat_count = 0 } = described;
  if (tempo_bpm === null) return [{ name: "tempo", value: "—", doubt: "no beat was found" }];
  const [next, ...others] = otherTempos(described);
  const figures: Figure[] = [{ name: "tempo", value: `${Math.round(tempo_bpm)} bpm`, doubt: tempoDoubt(tempo_confidence) }];
  if (next) figures.push({ name: "or else", value: next, doubt: others.join("; ") });
  const unclear = "how beats form bars is not clear";
  figures.push({ name: "metre", value: metre ?? "—", doubt: metre ? `${beat_count} beats` : unclear });
  return figures;
}

function harmony({ key, key_confidence, key_runner_up, tuning_cents }: Described): Figure[] {
  const figures: Figure[] = [{ name: "key", value: key ?? "—", doubt: key === null ? "nothing tonal was found" : keyDoubt(key_confidence) }];
  if (key_runner_up) figures.push({ name: "or else", value: `${key_runner_up.name} (${percent(key_runner_up.strength)})` });
  if (tuning_cents != null) figures.push({ name: "tuning", value: `${signed(tuning_cents, 0)} cents`, more: "from A4 = 440 Hz" });
  return figures;
}
