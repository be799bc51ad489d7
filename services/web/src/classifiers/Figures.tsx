import { Confusion } from "../models/Confusion";
import { Figure } from "../models/Figure";
import "../models/models.css";
import { Writes } from "../state/mayWrite";
import { labelText, percent } from "../ui/format";
import type { Figures } from "./queries";
import { accuracyText, confusionTexts, figuresText, tooFewText } from "./words";

const MOST_IN_WORDS = 5;
const MOST_IN_MATRIX = 24;
const UNKNOWN = "unknown";

/** What held-out recordings say of it, in numbers and in words. */
export function FiguresOf({ figures, several }: { figures: Figures; several: boolean }) {
  const { accuracy, accuracy_low: low, accuracy_high: high, recordings, unknown_of_strangers: strangers } = figures;
  const interval = low === null || high === null ? "" : `${Math.round(low * 100)} – ${Math.round(high * 100)} %`;
  const confusions = confusionTexts(figures).slice(0, MOST_IN_WORDS);
  return (
    <section className="stack" aria-labelledby="figures">
      <h2 id="figures">How well it does</h2>
      <dl className="figures">
        <Figure name="accuracy" value={accuracy === null ? accuracyText(figures) : percent(accuracy)} more={accuracy === null ? "" : interval} />
        <Figure name="recordings" value={String(recordings)} />
        <Figure name="labels" value={String(figures.labels.length)} />
        {strangers === null ? null : <Figure name="of your others, unknown" value={percent(strangers)} />}
      </dl>
      {tooFewText(figures) ? (
        <p className="note" role="note">
          {tooFewText(figures).replace(/^t/, "T")}: with fewer than 10 recordings of a label its figures say little. <Writes>Review some windows to add more.</Writes>
        </p>
      ) : null}
      {figuresText(figures).map((text) => (
        <p key={text}>{text}</p>
      ))}
      <ByLabel figures={figures} />
      {confusions.length ? (
        <>
          <h3>What it confuses</h3>
          <ul>
            {confusions.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </>
      ) : null}
      {several || figures.labels.length > MOST_IN_MATRIX || accuracy === null ? null : <Matrix figures={figures} />}
    </section>
  );
}

function ByLabel({ figures }: { figures: Figures }) {
  return (
    <div className="table" role="region" aria-label="Figures by label" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">label</th>
            <th scope="col">recordings</th>
            <th scope="col">precision</th>
            <th scope="col">recall</th>
            <th scope="col">
              <span className="unseen">whether there are enough</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {figures.labels.map(({ label, recordings, precision, recall, too_few }) => (
            <tr key={label}>
              <th scope="row">{labelText(label)}</th>
              <td>{recordings}</td>
              <td>{precision === null ? "–" : percent(precision)}</td>
              <td>{recall === null ? "–" : percent(recall)}</td>
              <td className="quiet small">{too_few ? "too few to say" : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Matrix({ figures }: { figures: Figures }) {
  const counts = matrixOf(figures);
  return counts ? <Confusion labels={counts.labels} counts={counts.counts} /> : null;
}

/** How often each label was taken for each other, as a table; null where nothing was. */
export function matrixOf({ labels, confusions }: Pick<Figures, "labels" | "confusions">): { labels: string[]; counts: number[][] } | null {
  if (confusions.length === 0) return null;
  const names = [...new Set([...labels.map(({ label }) => label), ...confusions.map(({ taken_for }) => taken_for ?? UNKNOWN)])];
  const counts = names.map(() => names.map(() => 0));
  for (const { label, taken_for, recordings } of confusions) {
    const row = counts[names.indexOf(label)];
    if (row) row[names.indexOf(taken_for ?? UNKNOWN)] = recordings;
  }
  // Where only mistakes are listed, what was named right is the label's recall.
  labels.forEach(({ recall, recordings }, at) => {
    const row = counts[at];
    if (row && !row[at]) row[at] = Math.round((recall ?? 0) * recordings);
  });
  return { labels: names, counts };
}
