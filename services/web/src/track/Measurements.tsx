import { band, decibels, percent, signed } from "../ui/format";
import type { ResultOf } from "../state/results";
import { useTrackState } from "../state/TrackStateProvider";

const SURE = 0.05;

/** A name, its value, and what it means. */
type Figure = [string, string, string];

/** Tempo, metre, key, tuning, loudness and balance. */
export function Measurements() {
  const described = useTrackState().state.result("describe");
  return (
    <section className="panel" aria-labelledby="sounds-title">
      <h2 id="sounds-title">How it sounds</h2>
      {described ? <Figures described={described} /> : <p className="quiet">Not measured yet.</p>}
    </section>
  );
}

function Figures({ described }: { described: ResultOf<"describe"> }) {
  const { loudness_lufs, onset_rate_hz, bands, reference } = described;
  const { loudness_range_lu, true_peak_dbfs, true_peaks_dbfs } = described;
  const figures: Figure[] = [
    ...rhythm(described),
    ...harmony(described),
    ["loudness", loudness_lufs === null ? "—" : decibels(loudness_lufs, "LUFS"), loudnessText(described)],
    ["range", loudness_range_lu == null ? "—" : `${loudness_range_lu.toFixed(1)} LU`, "loudness range, EBU Tech 3342"],
    ["true peak", true_peak_dbfs === null ? "—" : decibels(true_peak_dbfs, "dBFS"), peaksText(true_peaks_dbfs)],
    ["onsets", `${onset_rate_hz.toFixed(1)} a second`, "where sounds start"],
  ];
  const loudest = Math.max(0.01, ...bands.map(({ share }) => share));
  const against = new Map(reference?.bands.map((one) => [one.name, one.difference_db]));
  return (
    <>
      <dl className="facts">
        {figures.map(([name, value, more]) => (
          <div key={`${name} ${value}`} title={more}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>Balance{reference ? ` and difference from ${reference.genre}, in dB` : ""}</h3>
      <ol className="balance">
        {bands.map(({ name, low_hz, high_hz, share }) => {
          const difference = against.get(name);
          const text = `${name}, ${band(low_hz, high_hz)}: ${percent(share)}`;
          return (
            <li key={name} title={text}>
              <span className="balance__bar" aria-hidden="true">
                <span style={{ height: `${Math.sqrt(share / loudest) * 100}%` }} />
              </span>
              <span className="unseen">{text}</span>
              {difference == null ? null : <span className="small quiet">{signed(difference, 0)}</span>}
            </li>
          );
        })}
      </ol>
      <p className="balance__ends small quiet" aria-hidden="true">
        <span>bass</span>
        <span>brilliance</span>
      </p>
    </>
  );
}

function loudnessText({ momentary_max_lufs, short_term_max_lufs }: ResultOf<"describe">): string {
  const most = (lufs: number | null | undefined, during: string) =>
    lufs == null ? "" : `; at most ${decibels(lufs, "LUFS")} during ${during}`;
  return `integrated, EBU R 128${most(short_term_max_lufs, "3 s")}${most(momentary_max_lufs, "400 ms")}`;
}

function peaksText(peaks: ResultOf<"describe">["true_peaks_dbfs"] = []): string {
  const each = peaks.map(({ channel, peak_dbfs }) => `${channel ?? "?"} ${peak_dbfs === null ? "—" : decibels(peak_dbfs, "dBFS")}`);
  return `between samples included${each.length > 1 ? `: ${each.join(", ")}` : ""}`;
}

function rhythm({ tempo_bpm, tempo_confidence, tempo_candidates = [], metre, beat_count = 0 }: ResultOf<"describe">): Figure[] {
  if (tempo_bpm === null) return [["tempo", "—", "no beat was found"]];
  const others = tempo_candidates.slice(1).map(({ bpm }) => Math.round(bpm));
  const figures: Figure[] = [["tempo", `${Math.round(tempo_bpm)} bpm`, `confidence ${percent(tempo_confidence)}`]];
  if (others.length) figures.push(["or", `${others.join(", ")} bpm`, "tempos that are less likely"]);
  figures.push(["metre", metre ?? "—", metre ? `${beat_count} beats` : "how beats form bars is not clear"]);
  return figures;
}

function harmony({ key, key_confidence, key_runner_up, tuning_cents }: ResultOf<"describe">): Figure[] {
  const figures: Figure[] = [["key", keyText(key, key_confidence), `confidence ${percent(key_confidence)}`]];
  if (key_runner_up) figures.push(["or", key_runner_up.name, `the next likely key, ${percent(key_runner_up.strength)}`]);
  if (tuning_cents != null) figures.push(["tuning", `${signed(tuning_cents, 0)} cents`, "from A4 = 440 Hz"]);
  return figures;
}

function keyText(key: string | null, confidence: number): string {
  if (key === null) return "—";
  return confidence < SURE ? `${key}?` : key;
}
