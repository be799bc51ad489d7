import { expect, test } from "vitest";
import type { Track } from "../src/api/client";
import { appliedText } from "../src/classifiers/Applying";
import { examplesOf } from "../src/classifiers/ChosenRecordings";
import { answerTo } from "../src/classifiers/Doubts";
import { matrixOf } from "../src/classifiers/Figures";
import { madeOf, restored, undoing } from "../src/classifiers/labelling";
import { type Markable, requestFrom, toggled } from "../src/classifiers/marks/marks";
import { type Classifier, type Figures, taughtWith, teachingOf } from "../src/classifiers/queries";
import { oppositeOf, saidBy } from "../src/classifiers/review/answers";
import { accuracyText, confusionTexts, figuresText, nameFrom, spaceText, tooFewText } from "../src/classifiers/words";

function label(name: string, recordings: number, recall: number | null = 0.5) {
  return { label: name, recordings, windows: recordings, precision: null, recall, too_few: recordings < 10 };
}

function figures(part: Partial<Figures> = {}): Figures {
  return {
    accuracy: 0.84,
    accuracy_low: 0.76,
    accuracy_high: 0.9,
    recordings: 40,
    windows: 80,
    groups: 38,
    folds: 5,
    method: "logistic regression",
    why: "it was right most often",
    labels: [label("rain", 20), label("sea_waves", 20)],
    confusions: [],
    unknown_of_strangers: 0.8,
    unknown_of_known: 0.05,
    left_out: [],
    ...part,
  };
}

test("an accuracy has its interval, and without one it is said why", () => {
  expect(accuracyText(figures())).toBe("84 % (76 – 90 %)");
  expect(accuracyText(figures({ accuracy: null, accuracy_low: null, accuracy_high: null }))).toBe("too few to say");
  expect(accuracyText(null)).toBe("not measured");
});

test("labels with few recordings are named, or all of them together", () => {
  expect(tooFewText(figures())).toBe("");
  expect(tooFewText(figures({ labels: [label("rain", 20), label("sea_waves", 3)] }))).toBe("too few to say of sea waves");
  expect(tooFewText(figures({ labels: [label("rain", 4), label("sea_waves", 3)] }))).toBe("too few recordings to say");
});

test("figures in words say how they were measured, near-duplicates and strangers too", () => {
  const text = figuresText(figures()).join(" ");
  expect(text).toContain("84 % of the recordings right when it was not taught on them (76 – 90 % with 95 % confidence), in 5 folds");
  expect(text).toContain("40 recordings, of which 2 are near-duplicates of others");
  expect(text).toContain("80 % of your other recordings unknown");
  expect(figuresText(figures({ accuracy: null, unknown_of_strangers: null, unknown_of_known: null })).join(" ")).toContain("cannot be said");
});

test("a space that was chosen by itself is named before the others, with why", () => {
  const tried = (model: string, accuracy: number | null) => ({ model, digest: "sha256:", accuracy, recordings: 20 });
  const space = { model: "musicnn", chosen_by: "itself" as const, why: "more than chance explains", tried: [tried("mn04", 0.49), tried("musicnn", 0.71), tried("mobilenet", null)] };
  expect(spaceText(figures({ space }))).toBe("Its space was chosen by itself: musicnn (71 %) before mn04 (49 %); more than chance explains.");
  expect(spaceText(figures({ space: { ...space, tried: [] } }))).toBe("Its space was chosen by itself: musicnn; more than chance explains.");
  expect(spaceText(figures({ space: { ...space, chosen_by: "maker" } }))).toBe("");
  expect(figuresText(figures({ space })).join(" ")).toContain("musicnn (71 %) before mn04 (49 %)");
  expect(spaceText(figures())).toBe("");
});

test("confusions are mistakes only, and the matrix has what was right", () => {
  const mistaken = figures({
    labels: [label("rain", 4, 0.75), label("wind", 2, 1)],
    confusions: [
      { label: "rain", taken_for: "wind", recordings: 1 },
      { label: "wind", taken_for: "wind", recordings: 2 },
    ],
  });
  expect(confusionTexts(mistaken)).toEqual(["rain was taken for wind: 1 recording"]);
  expect(matrixOf(mistaken)).toEqual({ labels: ["rain", "wind"], counts: [[3, 1], [0, 2]] });
  expect(matrixOf(figures())).toBeNull();
});

test.each([
  ["Dog barking!", "dog-barking"],
  ["Él pájaro", "el-pajaro"],
  ["--.x-.", "x"],
  ["!?", ""],
  ["a".repeat(80), "a".repeat(63)],
])("%s as a name", (text, name) => {
  expect(nameFrom(text)).toBe(name);
});

test("yes confirms and no rejects; of x and not x, no confirms the opposite", () => {
  const rain = { labels: ["rain", "wind", "hail"], multi_label: false };
  expect(saidBy("yes", { label: "rain" }, rain)).toEqual([{ label: "rain", state: "confirmed" }]);
  expect(saidBy("no", { label: "rain" }, rain)).toEqual([{ label: "rain", state: "rejected" }]);
  const fault = { labels: ["fault", "not fault"], multi_label: false };
  expect(saidBy("no", { label: "fault" }, fault)).toEqual([{ label: "not fault", state: "confirmed" }]);
  expect(saidBy("no", { label: "not fault" }, fault)).toEqual([{ label: "fault", state: "confirmed" }]);
  expect(saidBy("no", { label: "fault" }, { ...fault, multi_label: true })).toEqual([{ label: "fault", state: "rejected" }]);
  expect(oppositeOf("rain", ["rain", "wind"])).toBeNull();
});

test("another label takes the place of the one that was asked about", () => {
  const known = { labels: ["rain", "wind"], multi_label: false };
  const both = [{ label: "rain", state: "rejected" }, { label: "hail", state: "confirmed" }];
  expect(saidBy({ other: "wind" }, { label: "rain" }, known)).toEqual([{ label: "wind", state: "confirmed" }]);
  expect(saidBy({ other: " hail " }, { label: "rain" }, known)).toEqual(both);
  expect(saidBy({ other: "hail" }, { label: "rain" }, { labels: ["rain", "hail"], multi_label: true })).toEqual(both);
  expect(saidBy({ other: "rain" }, { label: "rain" }, known)).toEqual([{ label: "rain", state: "confirmed" }]);
});

test("a change is undone by key, and what others said meanwhile stays", () => {
  const whole = { label: "rain", start_s: null, end_s: null, state: "confirmed" as const };
  const before = [whole, { label: "wind", start_s: 0, end_s: 5, state: "confirmed" as const }];
  const after = [whole, { label: "wind", start_s: 0, end_s: 5, state: "rejected" as const }, { label: "hail", start_s: 0, end_s: 5, state: "confirmed" as const }];
  const undo = undoing(before, after);
  expect(undo).toEqual([
    { label: "wind", start_s: 0, end_s: 5, state: "confirmed" },
    { label: "hail", start_s: 0, end_s: 5, state: null },
  ]);
  const meanwhile = { label: "frog", start_s: 1, end_s: 2, state: "confirmed" as const };
  expect(restored([...after, meanwhile], undo)).toEqual([...before, meanwhile]);
});

test("what has another state than the change gave it was changed since, and stays", () => {
  const hum = { label: "hum", start_s: 1, end_s: 2 };
  const undo = [{ ...hum, state: null }];
  expect(restored([{ ...hum, state: "confirmed" }], undo, madeOf([{ ...hum, state: "confirmed" }]))).toEqual([]);
  expect(restored([{ ...hum, state: "rejected" }], undo, madeOf([{ ...hum, state: "confirmed" }]))).toEqual([{ ...hum, state: "rejected" }]);
  const removed = [{ ...hum, state: "confirmed" as const }];
  expect(restored([], removed, madeOf([{ ...hum, state: null }]))).toEqual(removed);
  expect(restored([{ ...hum, state: "rejected" }], removed, madeOf([{ ...hum, state: null }]))).toEqual([{ ...hum, state: "rejected" }]);
});

test("a label that was changed to another one is put back with that, but for what was changed since", () => {
  const place = { start_s: null, end_s: null };
  const made = [{ label: "dog", ...place, state: "rejected" as const }, { label: "e\u0301tude", ...place, state: "confirmed" as const }];
  const kept = made.map((one) => ({ ...one, label: one.label.normalize("NFC") }));
  const undo = undoing([], kept);
  expect(restored(kept, undo, madeOf(made))).toEqual([]);
  const since = [{ label: "dog", ...place, state: "confirmed" as const }];
  expect(restored([...since, ...kept.slice(1)], undo, madeOf(made))).toEqual(since);
});

test("a doubtful example keeps its label, gets the other one, or loses it", () => {
  expect(answerTo({ given: "rain", label: "wind" }, true)).toEqual([{ label: "rain", state: "confirmed" }]);
  expect(answerTo({ given: "rain", label: "wind" }, false)).toEqual([{ label: "rain", state: "rejected" }, { label: "wind", state: "confirmed" }]);
  expect(answerTo({ given: "rain", label: "rain" }, false)).toEqual([{ label: "rain", state: "rejected" }]);
});

test("chosen recordings are examples by label; rows of one label are one", () => {
  const track = (id: string) => ({ id }) as Track;
  const chosen = [
    { id: 0, label: " rain ", tracks: [track("a"), track("b")] },
    { id: 1, label: "rain", tracks: [track("b")] },
    { id: 2, label: "", tracks: [track("c")] },
    { id: 3, label: "wind", tracks: [] },
  ];
  expect(examplesOf(chosen)).toEqual({ rain: ["a", "b"] });
});

test("a labelling says what it changed", () => {
  const applied = { version: 3, job_id: null, tracks: 1200, changed: 1, unknown: 40, without_vectors: 2, finished_at: new Date().toISOString() };
  expect(appliedText(applied)).toBe("Version 3 labelled your library just now: 1,200 recordings, 1 has other labels than before, 40 are unknown, 2 have no vectors yet.");
  expect(appliedText({ ...applied, without_vectors: 0, finished_at: null })).toContain("is labelling your library");
});

test("a mark is taken back by the same, turned by the other, and what it was compared with is like it", () => {
  const [dog, cat, own] = ["dog", "cat", "own"].map((name) => ({ trackId: name, name })) as [Markable, Markable, Markable];
  let marks = toggled([], { ...dog, like: true }, own);
  expect(marks.map(({ name, like }) => [name, like])).toEqual([["own", true], ["dog", true]]);
  marks = toggled(marks, { ...cat, like: false }, own);
  expect(marks).toHaveLength(3);
  expect(toggled(marks, { ...cat, like: true }).map(({ like }) => like)).toEqual([true, true, true]);
  expect(toggled(marks, { ...cat, like: false })).toHaveLength(2);
  expect(toggled([{ ...dog, like: true }], { ...dog, startS: 1, endS: 2, like: true })).toHaveLength(2);
});

test("one that was imported is taught its own labels, and any other as it was before", () => {
  const own = { version: 1, figures: figures(), confirmed: false, labels: ["rain", "wind"] } as Classifier;
  const imported = { ...own, figures: null, confirmed: true } as Classifier;
  expect(teachingOf(own)).toEqual({});
  expect(teachingOf({ ...own, version: 0, figures: null })).toEqual({});
  expect(teachingOf(imported)).toEqual({ confirmed: true, labels: ["rain", "wind"] });
  expect(teachingOf({ ...imported, named_labels: ["hail", "rain"] })).toEqual({});
});

test("marks become a request when both kinds are there and it has a name", () => {
  const like = { trackId: "a", name: "a.wav", startS: 1, endS: 3, like: true };
  const unlike = { trackId: "b", name: "b.wav", like: false };
  expect(requestFrom([like], "Dog barking")).toBeNull();
  expect(requestFrom([like, unlike], "!")).toBeNull();
  expect(requestFrom([like, unlike], " Dog barking ")).toEqual({
    name: "dog-barking",
    labels: ["Dog barking", "not Dog barking"],
    examples: { "Dog barking": [{ track_id: "a", start_s: 1, end_s: 3 }], "not Dog barking": ["b"] },
  });
});

test("a label that a classifier lacks is asked for beside those that it was asked for", () => {
  const two = ["high", "low"];
  const one = { version: 1, figures: figures(), confirmed: true, labels: two, named_labels: two } as Classifier;
  expect(taughtWith(one, "low")).toEqual({});
  expect(taughtWith(one, "middle")).toEqual({ labels: ["high", "low", "middle"] });
  expect(taughtWith({ ...one, confirmed: false }, "middle")).toEqual({ confirmed: true, labels: ["high", "low", "middle"] });
  expect(taughtWith({ ...one, confirmed: false, named_labels: null }, "middle")).toEqual({ confirmed: true, labels: ["high", "low", "middle"] });
  expect(taughtWith({ ...one, figures: null, named_labels: null }, "middle")).toEqual({ confirmed: true, labels: ["high", "low", "middle"] });
});

test("one that is taught all that was confirmed is not narrowed to the labels of its version", () => {
  const one = { version: 1, figures: figures(), confirmed: true, labels: ["high", "low"], named_labels: null } as Classifier;
  expect(taughtWith(one, "middle")).toEqual({});
  expect(taughtWith(one, "low")).toEqual({});
});

test("labels that are asked for and not taught yet stay", () => {
  const one = { version: 1, figures: figures(), confirmed: true, labels: ["high", "low"], named_labels: ["high", "low", "middle"] } as Classifier;
  expect(taughtWith(one, "shrill")).toEqual({ labels: ["high", "low", "middle", "shrill"] });
  expect(taughtWith({ ...one, confirmed: false }, "low")).toEqual({ confirmed: true, labels: ["high", "low", "middle"] });
});
