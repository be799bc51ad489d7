import type { CSSProperties } from "react";
import { labelText } from "../ui/format";

const MOST_WITH_COUNTS = 24;

type Props = {
  labels: string[];
  counts: number[][];
  /** The model's name, where the page has several. */
  of?: string;
};

/** How often a model predicted each label (a column) for each true label (a row). */
export function Confusion({ labels, counts, of }: Props) {
  const many = labels.length > MOST_WITH_COUNTS;
  return (
    <div className={`confusion ${many ? "confusion--many" : ""}`} role="region" aria-label={`Confusion matrix${of ? ` of ${of}` : ""}`} tabIndex={0}>
      <table>
        <caption>Rows: the true label. Columns: the predicted label.</caption>
        <thead>
          <tr>
            <td />
            {labels.map((label) => (
              <th key={label} scope="col">
                <span>{labelText(label)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, truth) => {
            const total = Math.max(1, row.reduce((sum, count) => sum + count, 0));
            return (
              <tr key={labels[truth]}>
                <th scope="row">{labelText(labels[truth] ?? "")}</th>
                {row.map((count, answer) => (
                  <td
                    key={labels[answer]}
                    className={truth === answer ? "right" : "wrong"}
                    style={{ "--share": `${Math.round((count / total) * 100)}%` } as CSSProperties}
                    title={`${labelText(labels[truth] ?? "")} classified as ${labelText(labels[answer] ?? "")}: ${count} of ${total}`}
                  >
                    {count && !many ? count : ""}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
