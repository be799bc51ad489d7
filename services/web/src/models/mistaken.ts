import { labelText, percent } from "../ui/format";

const MOST = 4;

/** A label that a model took for another one: so many of its recordings, of so many. */
export type Mistake = { truth: string; answer: string; count: number; of: number };

/** The most frequent mistakes of a confusion matrix, whose rows are the true labels; of equal counts the larger share first. */
export function mistakes(labels: readonly string[], counts: readonly (readonly number[])[], most = MOST): Mistake[] {
  const found = counts.flatMap((row, truth) => {
    const of = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, answer) =>
      answer !== truth && count > 0 ? [{ truth: labels[truth] ?? "", answer: labels[answer] ?? "", count, of }] : [],
    );
  });
  return found.sort((a, b) => b.count - a.count || b.count / b.of - a.count / a.of).slice(0, most);
}

/** The mistake in words: `washing machine for engine (12 of 40, 30 %)`. */
export function mistakeText({ truth, answer, count, of }: Mistake): string {
  return `${labelText(truth)} for ${labelText(answer)} (${count} of ${of}, ${percent(count / of)})`;
}
