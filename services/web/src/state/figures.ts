import type { ResultOf } from "./results";
import { decibels, percent, signed } from "../ui/format";
import { keyDoubt, otherTempos, tempoDoubt } from "./doubt";

type Described = ResultOf<"describe">;

/** The value of a figure that there is none of. */
export const NONE = "—";

/** A figure: its name, its value, how sure it is where that is known, and what it means. */
export type Figure = { name: string; value: string; doubt?: string | undefined; more?: string };

/** Tempo, metre and key with their doubt and what is next likely, tuning, loudness and onsets. */
export function figuresOf(described: Described): Figure[] {
  return [...rhythm(described), ...harmony(described), ...levels(described)];
}

function levels(described: Described): Figure[] {
  const { loudness_lufs, loudness_range_lu, true_peak_dbfs, true_peaks_dbfs, onset_rate_hz } = described;
  return [
    { name: "loudness", value: loudness_lufs === null ? NONE : decibels(loudness_lufs, "LUFS"), more: loudnessText(described) },
    { name: "range", value: loudness_range_lu == null ? NONE : `${loudness_range_lu.toFixed(1)} LU`, more: "loudness range, EBU Tech 3342" },
    { name: "true peak", value: true_peak_dbfs === null ? NONE : decibels(true_peak_dbfs, "dBFS"), more: peaksText(true_peaks_dbfs) },
    { name: "onsets", value: `${onset_rate_hz.toFixed(1)} a second`, more: "where sounds start" },
  ];
}

function loudnessText({ momentary_max_lufs, short_term_max_lufs }: Described): string {
  const most = (lufs: number | null | undefined, during: string) =>
    lufs == null ? "" : `; at most ${decibels(lufs, "LUFS")} during ${during}`;
  return `integrated, EBU R 128${most(short_term_max_lufs, "3 s")}${most(momentary_max_lufs, "400 ms")}`;
}

function peaksText(peaks: Described["true_peaks_dbfs"] = []): string {
  const each = peaks.map(({ channel, peak_dbfs }) => `${channel ?? "?"} ${peak_dbfs === null ? NONE : decibels(peak_dbfs, "dBFS")}`);
  return `between samples included${each.length > 1 ? `: ${each.join(", ")}` : ""}`;
}

function rhythm(described: Described): Figure[] {
  const { tempo_bpm, tempo_confidence, metre, beat_count = 0 } = described;
  if (tempo_bpm === null) return [{ name: "tempo", value: NONE, doubt: "no beat was found" }];
  const [next, ...others] = otherTempos(described);
  const figures: Figure[] = [{ name: "tempo", value: `${Math.round(tempo_bpm)} bpm`, doubt: tempoDoubt(tempo_confidence) }];
  if (next) figures.push({ name: "or else", value: next, doubt: others.join("; ") });
  const unclear = "how beats form bars is not clear";
  figures.push({ name: "metre", value: metre ?? NONE, doubt: metre ? `${beat_count} beats` : unclear });
  return figures;
}

function harmony({ key, key_confidence, key_runner_up, tuning_cents }: Described): Figure[] {
  const figures: Figure[] = [{ name: "key", value: key ?? NONE, doubt: key === null ? "nothing tonal was found" : keyDoubt(key_confidence) }];
  if (key_runner_up) figures.push({ name: "or else", value: `${key_runner_up.name} (${percent(key_runner_up.strength)})` });
  if (tuning_cents != null) figures.push({ name: "tuning", value: `${signed(tuning_cents, 0)} cents`, more: "from A4 = 440 Hz" });
  return figures;
}
