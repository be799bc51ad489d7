import type { Track } from "../api/client";

const AT_ONCE = 4;
const COLUMNS = ["filename", "name", "label", "confirmed", "labels", "duration_s", "created_at", "id"] as const;

type Failure<Item> = { item: Item; error: unknown };

/** Does something with each item, a few at a time, and gives those that failed. Calls `onDone` with how many have ended. */
export async function forEach<Item>(items: readonly Item[], one: (item: Item) => Promise<unknown>, onDone: (count: number) => void): Promise<Failure<Item>[]> {
  const left = [...items];
  const failures: Failure<Item>[] = [];
  let ended = 0;
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      try {
        await one(item);
      } catch (error) {
        failures.push({ item, error });
      }
      ended += 1;
      onDone(ended);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failures;
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
