import { labelText } from "../../ui/format";
import type { Said } from "../labelling";
import type { Classifier, QueuedWindow } from "../queries";

/** An answer to what a window may be. */
export type Reply = "yes" | "no" | { other: string };

/** Names a window of a recording; the same in every version's queue. */
export function keyOf({ track_id, start_s, end_s }: Pick<QueuedWindow, "track_id" | "start_s" | "end_s">): string {
  return `${track_id} ${start_s.toFixed(2)} ${end_s.toFixed(2)}`;
}

/** What a reply says of a window's labels. */
export function saidBy(reply: Reply, { label }: Pick<QueuedWindow, "label">, { labels, multi_label }: Pick<Classifier, "labels" | "multi_label">): Said[] {
  if (reply === "yes") return [{ label, state: "confirmed" }];
  if (reply === "no") {
    const opposite = multi_label ? null : oppositeOf(label, labels);
    return [opposite === null ? { label, state: "rejected" } : { label: opposite, state: "confirmed" }];
  }
  const other = { label: reply.other.trim(), state: "confirmed" as const };
  if (other.label === label) return [other];
  // Where labels exclude each other, the other one says enough, if the classifier knows it.
  return !multi_label && labels.includes(other.label) ? [other] : [{ label, state: "rejected" }, other];
}

/** The other one of two labels of which one is the other's absence: `x` and `not x`. */
export function oppositeOf(label: string, labels: readonly string[]): string | null {
  const [one, other] = labels;
  if (labels.length !== 2 || one === undefined || other === undefined) return null;
  if (other !== `not ${one}` && one !== `not ${other}`) return null;
  return label === one ? other : one;
}

/** What was answered, in words. */
export function replyText(reply: Reply, label: string): string {
  if (reply === "yes") return `Yes, ${labelText(label)}`;
  if (reply === "no") return `No, not ${labelText(label)}`;
  return `It is ${labelText(reply.other)}`;
}
