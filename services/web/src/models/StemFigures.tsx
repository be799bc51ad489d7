import type { StemModelCard } from "../api/client";
import { labelText } from "../ui/format";
import { Figure } from "./Figure";

type ByStem = Record<string, number>;

type Scores = {
  improvement_of_all?: number;
  sdr_median_of_all?: number;
  songs_held_out?: string[];
  improvement?: ByStem;
  sdr_median?: ByStem;
};

/** How well a model separates music, where that was measured. */
export function StemFigures({ card }: { card: StemModelCard }) {
  const { improvement_of_all, sdr_median_of_all, songs_held_out } = card.metrics as Scores;
  return (
    <dl className="figures">
      {improvement_of_all === undefined ? null : (
        <Figure name="SDR improvement" value={improvement_of_all.toFixed(1)} more="dB" />
      )}
      {sdr_median_of_all === undefined ? null : <Figure name="median SDR" value={sdr_median_of_all.toFixed(1)} more="dB" />}
      {songs_held_out === undefined ? null : <Figure name="songs held out" value={String(songs_held_out.length)} />}
      <Figure name="segment" value={seconds(card.segment_s).toFixed(1)} more="s" />
      <Figure name="sample rate" value={(card.sample_rate_hz / 1000).toFixed(1)} more="kHz" />
    </dl>
  );
}

/** The same metrics by stem. A model without metrics shows its stems only. */
export function StemTable({ card }: { card: StemModelCard }) {
  const { improvement = {}, sdr_median = {} } = card.metrics as Scores;
  return (
    <div className="stems-of">
      <table>
        <caption>Each stem, in dB</caption>
        <thead>
          <tr>
            <th scope="col">stem</th>
            <th scope="col">median SDR</th>
            <th scope="col">SDR improvement</th>
          </tr>
        </thead>
        <tbody>
          {card.sources.map((stem) => (
            <tr key={stem}>
              <th scope="row">{labelText(stem)}</th>
              <td>{sdr_median[stem]?.toFixed(1) ?? "—"}</td>
              <td>{improvement[stem]?.toFixed(1) ?? "—"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The value of a fraction such as `39/5`. */
function seconds(fraction: string): number {
  const [over = "0", under = "1"] = fraction.split("/");
  return Number(over) / Number(under);
}
