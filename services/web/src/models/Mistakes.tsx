import { mistakes, mistakeText } from "./mistaken";

/** Which labels a model takes for which other ones most often, in words. */
export function Mistakes({ labels, counts }: { labels: readonly string[]; counts: readonly (readonly number[])[] }) {
  const found = mistakes(labels, counts);
  return (
    <p className="mistakes">
      {found.length ? <>Most often mistaken: {found.map(mistakeText).join("; ")}.</> : "In its judging no label was mistaken for another one."}
    </p>
  );
}
