import { labelText } from "../ui/format";

const MOST_OPEN = 12;

/** What a model answers. Many labels are folded. */
export function Labels({ labels }: { labels: string[] }) {
  const text = labels.map(labelText).join(", ");
  if (labels.length <= MOST_OPEN) return <p>{text}</p>;
  return (
    <details>
      <summary>
        {labels.slice(0, MOST_OPEN).map(labelText).join(", ")} … and {labels.length - MOST_OPEN} more
      </summary>
      <p>{text}</p>
    </details>
  );
}
