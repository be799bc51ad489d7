import { expect, test } from "vitest";
import { addressOf, pairIn } from "../src/state/pair";
import { html } from "../src/report/html";
import { type Facts, reportOf } from "../src/report/report";
import { unheardText } from "../src/state/absent";
import type { Models } from "../src/state/models";
import { TrackState } from "../src/state/trackState";
import { checksOf } from "../src/state/verdict";
import { shownFilename } from "../src/ui/format";
import { tagsOf, titleOf } from "../src/ui/tags";

const NASTY = `"><script>alert(1)</script>&'`;

const track = {
  id: "trk_1",
  sha256: "ab",
  filename: `${NASTY}.wav`,
  name: NASTY,
  size_bytes: 1_000,
  codec: NASTY,
  container: "wav",
  sample_rate_hz: 8_000,
  channels: 1,
  duration_s: 2,
  labels: {},
  confirmed: [NASTY],
  confirmed_in_parts: [],
  rejected: [NASTY],
  warnings: [NASTY],
  tags: { artist: NASTY },
  created_at: "2026-01-02T03:04:05Z",
} as unknown as Facts["track"];

const nothing = { said: [], classified: null, unheard: unheardText(new TrackState([], [], null)), explained: null, trust: null, described: null, separated: null, pictures: [] };

test("what people and models wrote is text in a report", () => {
  const model = { name: NASTY, digest: "cd" };
  const top = [{ label: NASTY, probability: 0.5 }];
  const window = { start_s: 0, end_s: 2, silent: false, unknown: false, top, model: NASTY };
  const answer = { model, top, unknown: false, several: false, thresholds: [0.25] };
  const classified = { task: "classify", model, top, unknown: false, answers: [answer], windows: [window], duration_s: 2 };
  const bands = [{ name: NASTY, low_hz: 0, high_hz: 100, share: 1 }];
  const explained = { task: "explain", label: NASTY, reading: NASTY, method: NASTY, layer: NASTY, start_s: 0, end_s: 2, bands, model };
  const pictures = [{ url: "data:image/png;base64,AA==", text: NASTY }];
  const text = reportOf({ ...nothing, track, classified, explained, pictures, madeAt: new Date(0) } as unknown as Facts);
  expect(text).not.toContain("<script");
  expect(text).not.toMatch(/(?:src|href)="(?!data:image\/png;base64,)/);
  expect(text.split("&lt;script&gt;").length).toBeGreaterThan(12);
  expect(text).toContain("1970-01-01 00:00 UTC");
  expect(text).toContain("counts from 25 %");
  expect(text).toContain("by band");
  const overTime = { ...explained, cell_bands: 1 };
  expect(reportOf({ ...nothing, track, classified, explained: overTime, madeAt: new Date(0) } as unknown as Facts)).not.toContain("by band");
});

test("a report has what its owner said of stretches with their seconds, and no prediction in their place", () => {
  const model = { name: "m", digest: "cd" };
  const top = [{ label: "dog", probability: 0.9 }];
  const windows = [{ start_s: 0, end_s: 10, silent: false, unknown: false, top, model: "m" }];
  const classified = { task: "classify", model, top, unknown: false, answers: [], windows, duration_s: 10 };
  const said = [
    { label: "dog", state: "rejected", start_s: 2, end_s: 4 },
    { label: "wolf", state: "confirmed", start_s: 2, end_s: 4 },
    { label: "click", state: "confirmed", start_s: 5, end_s: null },
    { label: "rain", state: "rejected", start_s: null, end_s: null },
  ];
  const rowsOf = (facts: object) => {
    const text = reportOf({ ...nothing, track, classified, madeAt: new Date(0), ...facts } as unknown as Facts);
    return [...text.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = ""]) => row.replace(/<[^>]*>/g, " ").trim().split(/ {2,}/).join(" | "));
  };
  const rows = rowsOf({ said });
  expect(rows).toEqual(expect.arrayContaining(["0:02.0 | 0:04.0 | dog | rejected", "0:02.0 | 0:04.0 | wolf | confirmed", "0:05.0 | click | confirmed"]));
  expect(rows).toEqual(expect.arrayContaining(["0:00.0 | 0:02.0 | dog | 90 % | m", "0:04.0 | 0:10.0 | dog | 90 % | m"]));
  expect(rows).not.toContain("0:00.0 | 0:10.0 | dog | 90 % | m");
  expect(rowsOf({ track: { ...track, rejected: ["dog"] } })).toContain("dog | 90 % | rejected by its owner");
});

test("a report says how sure tempo and key are, and what is next likely, as the page does", () => {
  const measured = { tempo_bpm: 118, tempo_confidence: 0.4, metre: null, beat_count: 30, key: "A minor", key_confidence: 0.05, onset_rate_hz: 2, loudness_lufs: null, true_peak_dbfs: null, bands: [] };
  const tempo_candidates = [{ bpm: 118, strength: 0.5 }, { bpm: 59, strength: 0.2 }];
  const key_runner_up = { name: "C major", strength: 0.3 };
  const rowsOf = (described: object) => {
    const text = reportOf({ ...nothing, track, described, madeAt: new Date(0) } as unknown as Facts);
    return [...text.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = ""]) => row.replace(/<[^>]*>/g, " ").trim().split(/ {2,}/).join(" | "));
  };
  const rows = rowsOf({ ...measured, tempo_candidates, key_runner_up });
  expect(rows).toEqual(
    expect.arrayContaining(["tempo | 118 bpm, fairly sure, 40 %", "or else | 59 bpm, half as fast (20 %)", "key | A minor, unsure, 5 % ahead of the next", "or else | C major (30 %)"]),
  );
  expect(rows.join()).not.toContain("confidence");
  const none = rowsOf({ ...measured, tempo_bpm: null, key: null });
  expect(none).toEqual(expect.arrayContaining(["tempo | no beat was found", "key | nothing tonal was found", "loudness | —"]));
});

test("a report says of each check of the evidence what it means, and of which window figures are, as the page does", () => {
  const model = { name: "m", digest: "cd" };
  const window = { start_s: 5, end_s: 10, silent: false, unknown: false, probability: 0.9, top: [{ label: "dog", probability: 0.9 }], model: "m" };
  const explained = { task: "explain", label: "dog", reading: "Here.", method: "grad-cam", layer: "4", start_s: 5, end_s: 10, bands: [], windows: [window], model };
  const classified = { task: "classify", model, top: window.top, unknown: false, answers: [], windows: [window], duration_s: 10 };
  const trust = { deletion: 0.2, random_deletion: 0.8, insertion: 0.5, random_insertion: 0.5, randomised: 0.9 };
  const text = reportOf({ ...nothing, track, classified, explained, trust, madeAt: new Date(0) } as unknown as Facts);
  const checks = checksOf(trust);
  expect(checks).toHaveLength(3);
  for (const { why, figures } of checks) expect([text.includes(why), text.includes(figures)]).toEqual([true, true]);
  expect(text).toContain("in one window: 0:05.0 – 0:10.0.");
  expect(text).toContain("at most, in one window");
});

test("a report of what is not analysed says so", () => {
  const text = reportOf({ ...nothing, track, madeAt: new Date(0) } as unknown as Facts);
  expect(text).toContain("never listened to");
  expect(text).not.toContain("How it sounds");
});

test("a report says why nothing was heard, and of silence no label, as the page does", () => {
  const started = "2026-01-02T03:04:05Z";
  const tried = (status: string) => [{ id: "job_1", status, created_at: started, tasks: [{ name: "classify", status, finished_at: status === "failed" ? started : null }] }];
  const other = { task: "classify", model: { name: "birds" }, top: [{ label: "owl", probability: 0.9 }], unknown: false };
  const heard = [{ task: "classify", model: "birds", finished_at: started, result: other }];
  const labelsOf = (results: object[], jobs: object[], models: Models | null) => {
    const state = new TrackState(results as never, jobs as never, models);
    const text = reportOf({ ...nothing, track, classified: state.classified, unheard: unheardText(state), madeAt: new Date(0) } as unknown as Facts);
    return text.slice(text.indexOf("<h2>Labels"), text.indexOf("</section>", text.indexOf("<h2>Labels")));
  };
  expect(labelsOf([], tried("failed"), null)).toContain("It could not be listened to.");
  expect(labelsOf([], tried("running"), null)).toContain("It is being listened to.");
  expect(labelsOf(heard, [], ["bats"])).toContain("others have classified it");
  const silence = { ...other, kind: "silence", top: [{ label: "owl", probability: 0.1 }], unknown: true, windows: [], duration_s: 2 };
  const silent = labelsOf([{ ...heard[0], result: silence }], [], null);
  expect(silent).toContain("Nothing in the recording is loud enough to be classified.");
  expect(silent).not.toMatch(/owl|unknown/);
});

test("markup in markup stays markup, and nothing is left of nothing", () => {
  expect(html`<p>${[html`<b>${1}</b>`, null, false, undefined, "<"]}</p>`.text).toBe("<p><b>1</b>&lt;</p>");
});

test("a comparison is in its address", () => {
  const pair = [
    { trackId: "trk_1", model: "esc & co" },
    { trackId: "trk_2", model: null },
  ] as const;
  expect(pairIn(addressOf(pair).replace("/compare", ""))).toEqual(pair);
  expect(pairIn("?a=trk_1")).toBeNull();
  expect(pairIn("")).toBeNull();
});

test("a recording goes by the name that its owner gave it", () => {
  const named = { name: "AC/DC live", filename: "take-3.flac", tags: { title: "Track 3" } } as unknown as Facts["track"];
  expect(titleOf(named)).toBe("AC/DC live");
  expect(tagsOf(named)).toEqual(["Track 3", "take-3.flac"]);
  expect(shownFilename(named)).toBe("AC-DC live.flac");
  expect(shownFilename({ name: null, filename: "a.wav" })).toBe("a.wav");
  expect(shownFilename({ name: "b.WAV", filename: "a.wav" })).toBe("b.WAV");
});
