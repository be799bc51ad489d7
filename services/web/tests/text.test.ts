import { describe, expect, it } from "vitest";
import type { Job } from "../src/api/client";
import { unsuccessfulText, waitingText } from "../src/api/taskText";
import { corrected, labelsInParts, segments, unsaid, type Window } from "../src/sound/segments";
import { ago, band, decibels, downloadName, hertz, percent, shownLabel, time } from "../src/ui/format";
import { sentence } from "../src/api/problem";

const window = (start_s: number, label: string, unknown = false): Window => ({
  start_s,
  end_s: start_s + 5,
  silent: false,
  unknown,
  top: [{ label, probability: 0.9 }],
});

describe("texts", () => {
  it("name downloads after their recording", () => {
    expect(downloadName("Let it go.mp3", "vocals.flac")).toBe("Let it go - vocals.flac");
    expect(downloadName("2024.01.05", "mix.flac")).toBe("2024.01.05 - mix.flac");
    expect(downloadName("röhre.3gp", "mix.flac")).toBe("röhre - mix.flac");
    expect(downloadName(".wav", "mix.flac")).toBe(".wav - mix.flac");
  });

  it("format times, shares and bands", () => {
    expect([shownLabel("clock_tick", true), shownLabel("rain")]).toEqual(["clock tick (confirmed)", "rain"]);
    expect(time(4.34)).toBe("0:04.3");
    expect(time(59.99)).toBe("1:00.0");
    expect(time(3_725, 0)).toBe("1:02:05");
    expect(percent(0.812)).toBe("81 %");
    expect(percent(0.0004)).toBe("< 1 %");
    expect(percent(0.9996)).toBe("> 99 %");
    expect(band(500, 2_000)).toBe("500 Hz – 2 kHz");
    expect(band(6_000, null)).toBe("6 kHz and up");
    expect(hertz(35.4)).toBe("35 Hz");
    expect(decibels(-18.24, "LUFS")).toBe("−18.2 LUFS");
  });

  it("format how long ago something was", () => {
    const now = Date.parse("2026-05-04T12:00:00Z");
    expect(ago("2026-05-04T11:59:40Z", now)).toBe("just now");
    expect(ago("2026-05-04T11:58:00Z", now)).toBe("2 min ago");
    expect(ago("2026-05-03T10:00:00Z", now)).toBe("yesterday");
  });

  it("explain why a task waits", () => {
    expect(waitingText({ reason: "queued", ahead: 3, workers: 1, estimate_s: 12 } as never, "gpu")).toBe(
      "waiting for a GPU worker: 3 ahead of you, about 12 s",
    );
    expect(waitingText({ reason: "no_worker", ahead: 0, workers: 0 }, "cpu")).toContain("no CPU worker");
  });

  it("turn problems into sentences", () => {
    expect(sentence("no such track")).toBe("No such track.");
    expect(sentence("Done.")).toBe("Done.");
  });
});

describe("jobs that have ended", () => {
  const ended = (status: string, ...tasks: object[]) => ({ status, tasks }) as unknown as Job;

  it("says why one did not succeed, also of one that was cancelled", () => {
    const failed = { name: "describe", status: "failed", error: { detail: "it has no sound" } };
    expect(unsuccessfulText(ended("succeeded", { status: "succeeded" }))).toBeNull();
    expect(unsuccessfulText(ended("failed", { status: "cancelled" }, failed))).toBe("It has no sound.");
    expect(unsuccessfulText(ended("cancelled", { status: "succeeded" }, { status: "cancelled" }))).toBe("It was cancelled.");
    expect(unsuccessfulText(ended("cancelled", { status: "cancelled" }), "Drawing the map")).toBe("Drawing the map was cancelled.");
  });
});

describe("parts with one label", () => {
  it("cover the times nearest to each window's middle, and join neighbours with the same label", () => {
    const found = segments([window(0, "dog"), window(2.5, "rain"), window(5, "rain"), window(7.5, "dog", true)], 12.5);
    expect(found.map(({ startS, endS, label }) => [startS, endS, label])).toEqual([
      [0, 3.75, "dog"],
      [3.75, 8.75, "rain"],
      [8.75, 12.5, null],
    ]);
  });

  it("tell which labels are heard, the one that lasts longest first", () => {
    expect(labelsInParts([window(0, "dog"), window(2.5, "rain"), window(5, "rain"), window(7.5, "sea", true)])).toEqual(["rain", "dog"]);
    expect(labelsInParts([window(0, "dog", true)])).toEqual([]);
    expect(labelsInParts([])).toEqual([]);
  });

  it("end where the kind, the model or the silence changes", () => {
    const as = (start_s: number, more: Partial<Window>) => ({ ...window(start_s, "Speech"), ...more });
    const found = segments(
      [
        as(0, { kind: "speech", model: "audioset-527" }),
        as(5, { kind: "speech", model: "audioset-527" }),
        as(10, { kind: "sound", model: "audioset-527" }),
        as(15, { kind: "silence", model: "audioset-527", silent: true }),
        as(17.5, { kind: "silence", model: "audioset-527" }),
        as(20, { kind: "sound", model: "environment-50", unknown: true }),
      ],
      25,
    );
    expect(found.map(({ startS, label, silent, kind, model }) => [startS, label, silent, kind, model])).toEqual([
      [0, "Speech", false, "speech", "audioset-527"],
      [10, "Speech", false, "sound", "audioset-527"],
      [15, null, true, "silence", "audioset-527"],
      [21.25, null, false, "sound", "environment-50"],
    ]);
  });
});

describe("predictions that the owner said nothing of", () => {
  const found = segments([window(0, "dog"), window(5, "rain"), window(10, "dog", true)], 15);
  const said = (label: string, state: "confirmed" | "rejected", start_s: number | null = null, end_s: number | null = null) => ({ label, state, start_s, end_s });
  const left = (...own: ReturnType<typeof said>[]) => unsaid(found, own).map(({ label, startS, endS }) => [label, startS, endS]);

  it("are cut around spans with their label", () => {
    expect(left(said("dog", "rejected", 1, 2), said("dog", "confirmed", 3, 9), said("rain", "rejected", 0, 6))).toEqual([
      ["dog", 0, 1],
      ["dog", 2, 3],
      ["rain", 6, 10],
      [null, 10, 15],
    ]);
  });

  it("have among them what was confirmed of stretches, whatever is predicted there, and also where nothing is", () => {
    const own = [said("wolf", "confirmed", 1, 2), said("dog", "confirmed", 0, 4), said("cat", "rejected", 1, 2), said("owl", "confirmed"), said("howl", "confirmed", 3)];
    const shown = (...given: Parameters<typeof corrected>) => corrected(...given).map(({ label, startS, endS, confirmed }) => [label, startS, endS, confirmed]);
    expect(shown(found.slice(0, 2), own)).toEqual([
      ["dog", 0, 4, true],
      ["wolf", 1, 2, true],
      ["dog", 4, 5, false],
      ["rain", 5, 10, false],
    ]);
    expect(shown([], own)).toEqual([
      ["dog", 0, 4, true],
      ["wolf", 1, 2, true],
    ]);
  });

  it("are nowhere where the whole is rejected, and stay where it is confirmed, or only a point is said", () => {
    expect(left(said("dog", "rejected"), said("rain", "confirmed"), said("rain", "rejected", 7))).toEqual([
      ["rain", 5, 10],
      [null, 10, 15],
    ]);
  });
});
