import type { Answer, Track } from "../api/client";
import { type SaidLabel, segments, unsaid } from "../sound/segments";
import { SILENCE } from "../state/absent";
import { confirmedTexts } from "../state/labelOrWhy";
import { answersOf, shownLabels, thresholdOf } from "../state/models";
import { type ResultOf, tellsBandsApart } from "../state/results";
import { checksOf, figuresText, type Trust, verdictText } from "../state/verdict";
import { figuresOf, NONE } from "../state/figures";
import { band, bytes, channels, labelText, percent, time } from "../ui/format";
import { titleOf } from "../ui/tags";
import { html, type Markup } from "./html";
import { STYLE } from "./style";

/** A picture as a `data:` address, and what it shows. */
export type Picture = { url: string; text: string };

/** What is known of a recording when its report is made. */
export type Facts = {
  track: Track;
  said: readonly SaidLabel[];
  classified: ResultOf<"classify"> | null;
  /** Why nothing is classified, as a sentence. */
  unheard: string;
  explained: ResultOf<"explain"> | null;
  trust: ResultOf<"explain">["trust"] | null;
  described: ResultOf<"describe"> | null;
  separated: ResultOf<"separate"> | null;
  pictures: readonly Picture[];
  madeAt: Date;
};

const MOST_SEGMENTS = 500;

/** A document that needs nothing else: no script, no other file. What people and models wrote is text in it. */
export function reportOf(facts: Facts): string {
  const { track, pictures, madeAt } = facts;
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>${titleOf(track)}: report</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${titleOf(track)}</h1>
<p>Report by Phonoscope, made ${moment(madeAt)}.</p>
${recording(track)}
${pictures.map(({ url, text }) => html`<figure><img src="${url}" alt="${text}"><figcaption>${text}</figcaption></figure>`)}
${labels(facts)}
${evidence(facts)}
${facts.described && measurements(facts.described)}
${facts.separated && stems(facts.separated)}
${models(facts)}
</main>
</body>
</html>
`;
  return body.text;
}

function recording(track: Track): Markup {
  const rows: [string, string][] = [
    ["file", track.filename],
    ["length", time(track.duration_s)],
    ["format", `${track.codec} in ${track.container}, ${track.sample_rate_hz} Hz, ${channels(track.channels)}, ${bytes(track.size_bytes)}`],
    ["uploaded", moment(new Date(track.created_at))],
    ["SHA-256", track.sha256],
    ["id", track.id],
  ];
  const { artist, album, date, genre } = track.tags ?? {};
  const tags = [artist, album, date, genre].filter(Boolean).join(", ");
  return html`<section><h2>The recording</h2>${table([...rows, ...(tags ? ([["tags", tags]] as [string, string][]) : [])])}${track.warnings.map((warning) => html`<p>${warning}</p>`)}</section>`;
}

function labels({ track, said, classified, unheard }: Facts): Markup {
  const confirmed = confirmedTexts(track);
  return html`<section><h2>Labels</h2>
${confirmed.length > 0 && html`<p>Confirmed by its owner: ${confirmed.join(", ")}.</p>`}
${track.rejected?.length ? html`<p>Rejected by its owner: ${track.rejected.map(labelText).join(", ")}.</p>` : null}
${classified ? answers(classified, track.rejected ?? []) : html`<p>${unheard}</p>`}
${ofParts(said)}
${classified && overTime(classified, said)}</section>`;
}

function answers(classified: ResultOf<"classify">, rejected: readonly string[]): Markup | Markup[] {
  if (classified.kind === "silence") return html`<p>${SILENCE}</p>`;
  return answersOf(classified).map((one) => answer(one, rejected));
}

function answer(one: Answer, rejected: readonly string[]): Markup {
  const rows = shownLabels(one).map(({ label, probability }) => {
    const least = thresholdOf(one, label);
    return html`<tr><th scope="row">${labelText(label)}</th><td>${percent(probability)}</td><td>${least === undefined ? "" : `counts from ${percent(least)}`}</td><td>${rejected.includes(label) && "rejected by its owner"}</td></tr>`;
  });
  return html`<h3>Predicted by ${one.model.name}${one.unknown ? ": unknown, no label reaches its threshold" : ""}</h3><table>${rows}</table>`;
}

function ofParts(said: readonly SaidLabel[]): Markup | null {
  const rows = said.flatMap(({ label, state, start_s, end_s }) =>
    start_s === null ? [] : [html`<tr><td>${time(start_s)}</td><td>${end_s !== null && time(end_s)}</td><th scope="row">${labelText(label)}</th><td>${state}</td></tr>`],
  );
  return rows.length ? html`<h3>Over time, by its owner</h3><table><tr><th scope="col">from</th><th scope="col">to</th><th scope="col">label</th><th scope="col"></th></tr>${rows}</table>` : null;
}

function overTime({ windows, duration_s }: ResultOf<"classify">, said: readonly SaidLabel[]): Markup | null {
  const found = unsaid(segments(windows, duration_s), said).filter(({ label }) => label !== null);
  if (found.length === 0) return null;
  const rows = found
    .slice(0, MOST_SEGMENTS)
    .map(({ startS, endS, label, probability, model }) => html`<tr><td>${time(startS)}</td><td>${time(endS)}</td><th scope="row">${labelText(label ?? "")}</th><td>${percent(probability)}</td><td>${model}</td></tr>`);
  return html`<h3>Over time, predicted</h3><table><tr><th scope="col">from</th><th scope="col">to</th><th scope="col">label</th><th scope="col">at most, in one window</th><th scope="col"></th></tr>${rows}</table>
${found.length > MOST_SEGMENTS && html`<p>And ${found.length - MOST_SEGMENTS} more.</p>`}`;
}

function evidence({ explained, trust }: Facts): Markup | null {
  if (!explained) return null;
  const bands = explained.bands.map(({ name, low_hz, high_hz, share }) => [`${name}, ${band(low_hz, high_hz)}`, percent(share)] as [string, string]);
  return html`<section><h2>Why: ${labelText(explained.label)}</h2>
<p>${labelText(explained.reading.replaceAll("*", ""))}</p>
<p>By ${explained.method} at ${explained.layer}, of ${time(explained.start_s)} to ${time(explained.end_s)}.</p>
${tellsBandsApart(explained) && html`<h3>Share of the evidence by band</h3>${table(bands)}`}
${trust && believed(trust, explained.windows)}</section>`;
}

function believed(trust: Trust, windows: ResultOf<"explain">["windows"]): Markup {
  const checks = checksOf(trust);
  const of = figuresText(windows);
  const rows = checks.map(({ name, outcome, figures, why }) => html`<tr><th scope="row">${name}: ${outcome}</th><td>${figures}<br>${why}</td></tr>`);
  return html`<h3>Can it be believed?</h3><p>${verdictText(checks)}</p><table>${rows}</table>${of && html`<p>${of}</p>`}`;
}

function measurements(described: ResultOf<"describe">): Markup {
  const rows: [string, string][] = [
    ...figuresOf(described).map(({ name, value, doubt }): [string, string] => [name, [value !== NONE && value, doubt].filter(Boolean).join(", ") || NONE]),
    ...described.bands.map(({ name, low_hz, high_hz, share }): [string, string] => [`${name}, ${band(low_hz, high_hz)}`, percent(share)]),
  ];
  return html`<section><h2>How it sounds</h2>${table(rows)}</section>`;
}

function stems({ model, stems: found }: ResultOf<"separate">): Markup {
  return html`<section><h2>Stems</h2><p>${found.map(({ name }) => name).join(", ")}, by ${model.name}.</p></section>`;
}

/** Which models answered, each by the digest of its weights. */
function models({ classified, explained, separated }: Facts): Markup | null {
  const used = [...(classified ? answersOf(classified).map(({ model }) => model) : []), explained?.model, separated?.model];
  const named = new Map(used.flatMap((one) => (one ? [[one.name, one.digest] as [string, string]] : [])));
  return named.size ? html`<section><h2>Models</h2>${table([...named])}</section>` : null;
}

function table(rows: readonly (readonly [string, string])[]): Markup {
  return html`<table>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</table>`;
}

function moment(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
