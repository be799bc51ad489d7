import type { Track } from "../api/client";

const AT_ONCE = 4;
const COLUMNS = ["filename", "name", "label", "confirmed", "labels", "duration_s", "created_at", "id"] as const;

/** Does something with each item, a few at a time, and gives the errors. Calls `onDone` with how many have ended. */
export async function forEach<Item>(items: readonly Item[], one: (item: Item) => Promise<unknown>, onDone: (count: number) => void): Promise<unknown[]> {
  const left = [...items];
  const problems: unknown[] = [];
  let ended = 0;
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await one(item).catch((error: unknown) => problems.push(error));
      ended += 1;
      onDone(ended);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return problems;
}

/** Recordings as a table for a spreadsheet, UTF-8 with a byte order mark. */
export function csvOf(tracks: readonly Track[]): string {
  const rows = tracks.map((track) => [
    track.filename,
    track.name ?? "",
    track.label ?? "",
    track.label_confirmed ? "yes" : "",
    Object.entries(track.labels).map(([model, labels]) => `${model}: ${labels.join(", ")}`).join("; "),
    String(track.duration_s),
    track.created_at,
    track.id,
  ]);
  return `\ufeff${[COLUMNS, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** One cell; a text that spreadsheets would run as a formula is shown as text. */
function cell(value: string): string {
  const plain = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
