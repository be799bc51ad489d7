const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
// A file's name may begin with a dot, and a version number is no ending.
const ENDING = /(?<=.)\.(?=\d?[A-Za-z])[A-Za-z0-9]{1,5}$/s;

/** Seconds as `0:04.3`; hours only when needed. */
export function time(seconds: number, digits = 1): string {
  const scale = 10 ** digits;
  const whole = Math.max(0, Math.round(seconds * scale) / scale);
  const hours = Math.floor(whole / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  const rest = (whole % MINUTE).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A share as `81 %`; `< 1 %` and `> 99 %` only for values that are neither 0 nor 1. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 1) return "< 1 %";
  if (value < 100 && value > 99) return "> 99 %";
  return `${Math.round(value)} %`;
}

/** Hertz as `500 Hz` or `2 kHz`, with two significant digits. */
export function hertz(value: number): string {
  if (value < 1000) return `${value < 100 ? Math.round(value) : Number(value.toPrecision(2))} Hz`;
  return `${Number((value / 1000).toPrecision(2))} kHz`;
}

/** A band as `500 Hz – 2 kHz`. */
export function band(lowHz: number, highHz: number | null): string {
  return highHz === null ? `${hertz(lowHz)} and up` : `${hertz(lowHz)} – ${hertz(highHz)}`;
}

/** Decibels with a minus sign. */
export function decibels(value: number, unit = "dB"): string {
  return `${signed(value, 1)} ${unit}`;
}

export function signed(value: number, digits: number): string {
  return value.toFixed(digits).replace("-", "−");
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const [unit, size] = count < 1e6 ? ["kB", 1e3] : count < 1e9 ? ["MB", 1e6] : count < 1e12 ? ["GB", 1e9] : ["TB", 1e12];
  return `${(count / (size as number)).toFixed(count / (size as number) < 10 ? 1 : 0)} ${unit}`;
}

/** The name of a file that was made of a recording, as the service names it: `song - vocals.flac`. */
export function downloadName(recording: string, part: string): string {
  return `${recording.replace(ENDING, "")} - ${part}`;
}

/** The file's name after the name that its recording has, with its own ending, as the service names it. */
export function shownFilename({ name, filename }: { name?: string | null; filename: string }): string {
  if (!name) return filename;
  const ending = ENDING.exec(filename)?.[0] ?? "";
  const plain = name.replace(/[/\\]/g, "-");
  return plain.toLowerCase().endsWith(ending.toLowerCase()) ? plain : plain + ending;
}

/** How long ago: `2 min ago`, `yesterday`; after a week the date. */
export function ago(when: string, now = Date.now()): string {
  const date = new Date(when);
  const seconds = (now - date.getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < HOUR) return `${Math.max(1, Math.round(seconds / MINUTE))} min ago`;
  if (seconds < DAY) return `${Math.round(seconds / HOUR)} h ago`;
  if (seconds < 2 * DAY) return "yesterday";
  if (seconds < 7 * DAY) return `${Math.floor(seconds / DAY)} days ago`;
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** A date with its time: `28 Nov 2026, 14:05`. */
export function dateAndTime(when: string): string {
  return new Date(when).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** A label for display: `clock_tick` becomes `clock tick`. */
export function labelText(label: string): string {
  return label.replaceAll("_", " ");
}

/** A recording's label for display, which says when its owner confirmed it. */
export function shownLabel(label: string, confirmed = false): string {
  return confirmed ? `${labelText(label)} (confirmed)` : labelText(label);
}

/** A channel count: `mono`, `stereo` or `6 channels`. */
export function channels(count: number): string {
  return { 1: "mono", 2: "stereo" }[count] ?? `${count} channels`;
}
