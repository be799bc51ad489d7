import { describe, expect, it } from "vitest";
import type { Answer } from "../src/api/client";
import { changed, type Choice, isAsked, isOf, optionsOf } from "../src/state/explanation";
import { answersOf, kindsHeard, modelOption, modelsNamed, modelsOf, modelsText, notHeardText, sameModels, shownLabels, tagsOf, thresholdOf } from "../src/state/models";
import { METHODS, predictedLabels, type ResultOf } from "../src/state/results";

type Classified = ResultOf<"classify">;

const labels = (...probabilities: number[]) => probabilities.map((probability, at) => ({ label: `l${at}`, probability }));
const answer = (name: string, more: Partial<Answer> = {}): Answer => ({
  model: { name, digest: "sha256:0" },
  top: labels(0.5, 0.3, 0.2, 0.1),
  unknown: false,
  several: false,
  thresholds: [0.4, 0.4, 0.4, 0.4],
  ...more,
});
const classified = (more: Partial<Classified> = {}): Classified =>
  ({ task: "classify", model: { name: "genre-10", digest: "sha256:0" }, top: labels(0.5), unknown: false, windows: [], duration_s: 5, ...more }) as Classified;

describe("the models of a classification", () => {
  it("are those that were named, or chosen by what is heard", () => {
    const answers = [answer("genre-10"), answer("music-100")];
    expect(modelsOf(classified())).toEqual(["genre-10"]);
    expect(modelsOf(classified({ answers, kind: null }))).toEqual(["genre-10", "music-100"]);
    expect(modelsOf(classified({ answers, kind: "music" }))).toEqual(["auto"]);
    expect(modelsNamed([])).toBeNull();
  });

  it("are requested by one name or by several", () => {
    expect(modelOption(["auto"])).toBe("auto");
    expect(modelOption(["a", "b"])).toEqual(["a", "b"]);
    expect(modelsText(["auto"])).toBe("chosen by what is heard");
    expect(modelsText(["a", "b"])).toBe("a, b");
    expect(notHeardText(["auto"])).toBe("It was not classified by models that are chosen by what is heard; others have classified it.");
    expect(notHeardText(["a", "b"])).toBe("It was not classified by a and b; others have classified it.");
    expect(sameModels(["a", "b"], ["b", "a"])).toBe(false);
  });

  it("each have an answer; an older result has that of its model", () => {
    expect(answersOf(classified({ unknown: true }))).toEqual([
      { model: { name: "genre-10", digest: "sha256:0" }, top: labels(0.5), unknown: true, several: false, thresholds: [] },
    ]);
    expect(answersOf(classified({ answers: [answer("a"), answer("b")] })).map(({ model }) => model.name)).toEqual(["a", "b"]);
  });
});

describe("the labels of an answer", () => {
  const names = (found: { label: string }[]) => found.map(({ label }) => label);

  it("are the first three where one holds at a time", () => {
    expect(names(shownLabels(answer("a")))).toEqual(["l0", "l1", "l2"]);
  });

  it("are all that reach their own thresholds where several can hold, and at least three", () => {
    const several = { several: true, top: labels(0.9, 0.8, 0.7, 0.6, 0.5) };
    expect(names(shownLabels(answer("a", { ...several, thresholds: [0.4, 0.4, 0.4, 0.4, 0.6] })))).toEqual(["l0", "l1", "l2", "l3"]);
    expect(names(shownLabels(answer("a", { ...several, thresholds: [0.95, 0.95, 0.95, 0.95, 0.4] })))).toEqual(["l0", "l1", "l4"]);
    expect(names(shownLabels(answer("a", { ...several, thresholds: Array(5).fill(1) })))).toEqual(["l0", "l1", "l2"]);
  });

  it("are one tag where one holds at a time, and none where it is unknown", () => {
    expect(names(tagsOf(answer("a")))).toEqual(["l0"]);
    expect(tagsOf(answer("a", { unknown: true }))).toEqual([]);
    expect(names(tagsOf(answer("a", { several: true, unknown: true })))).toEqual(["l0", "l1", "l2"]);
  });

  it("have a threshold each", () => {
    const mixed = answer("a", { thresholds: [0.1, 0.2, 0.3, 0.4] });
    expect(thresholdOf(mixed, "l2")).toBe(0.3);
    expect(thresholdOf(mixed, "other")).toBeUndefined();
    expect(thresholdOf(answer("a", { thresholds: [] }), "l0")).toBeUndefined();
  });
});

const part = (kind: string | null, model: string | null, label: string, silent = false) =>
  ({ start_s: 0, end_s: 5, unknown: false, silent, kind, model, top: [{ label, probability: 0.7 }] }) as Classified["windows"][number];

describe("windows", () => {
  it("have kinds in the order in which they are heard, with the models that answer for them", () => {
    const windows = [
      part("music", "genre-10", "jazz"),
      part("silence", "genre-10", "jazz", true),
      part("speech", "audioset-527", "Speech"),
      part("music", "genre-10", "rock"),
    ];
    expect(kindsHeard(windows)).toEqual([
      { kind: "music", models: ["genre-10"] },
      { kind: "silence", models: [] },
      { kind: "speech", models: ["audioset-527"] },
    ]);
    expect(kindsHeard([part(null, null, "dog")])).toEqual([]);
  });

  it("have labels of their own model only", () => {
    const answers = [answer("genre-10", { top: labels(0.2) }), answer("music-100", { top: [{ label: "folk", probability: 0.4 }] })];
    const found = classified({ answers, windows: [part("music", "genre-10", "jazz"), part("speech", "audioset-527", "Speech")] });
    expect(predictedLabels(found, "genre-10")).toEqual(["jazz", "l0"]);
    expect(predictedLabels(found, "music-100")).toEqual(["folk"]);
    expect(predictedLabels(classified({ windows: [part(null, null, "dog")] }), "genre-10")).toEqual(["dog", "l0"]);
  });
});

describe("what is explained", () => {
  const choice: Choice = { model: "genre-10", label: "jazz", layer: "layer4", method: "grad-cam", stretch: null };
  const result = { model: { name: "genre-10" }, label: "jazz", layer: "layer4", method: "grad-cam" } as ResultOf<"explain">;

  it("keeps its layer until the model changes: another network has other layers", () => {
    expect(changed(choice, { label: "rock" })).toEqual({ ...choice, label: "rock" });
    expect(changed(choice, { model: "genre-10", label: "rock" }).layer).toBe("layer4");
    expect(changed(choice, { model: "music-100", label: "folk" })).toEqual({ ...choice, model: "music-100", label: "folk", layer: null });
  });

  it("is requested of its model, at the default layer when none is chosen", () => {
    expect(optionsOf(choice, { trust: true })).toEqual({
      classify: { model: "genre-10" },
      explain: { label: "jazz", method: "grad-cam", layer: "layer4", trust: true },
    });
    expect(optionsOf({ ...choice, layer: null }, {}).explain).toEqual({ label: "jazz", method: "grad-cam" });
    expect(optionsOf(null, {})).toEqual({ explain: {} });
    expect(METHODS[0]).toBe("grad-cam++");
    const stretch = { startS: 60, endS: 65 };
    expect(optionsOf({ ...choice, stretch }, {}).explain).toMatchObject({ label: "jazz", start_s: 60, end_s: 65 });
  });

  it("is found by model, label, layer and method", () => {
    expect(isOf(result, choice)).toBe(true);
    expect(isOf(result, { ...choice, layer: null })).toBe(true);
    for (const other of [{ model: "music-100" }, { label: "rock" }, { layer: "layer2" }, { method: "hirescam" } as const]) {
      expect(isOf(result, { ...choice, ...other })).toBe(false);
    }
    const stretch = { startS: 60, endS: 65 };
    const there = { ...result, stretch: { start_s: 60, end_s: 65 } };
    expect(isOf(there, { ...choice, stretch })).toBe(true);
    expect(isOf(there, choice)).toBe(false);
    expect(isOf(result, { ...choice, stretch })).toBe(false);
    expect(isOf(there, { ...choice, stretch: { startS: 60, endS: 66 } })).toBe(false);
  });

  it("is being computed by a job that asks for it with all that is wanted besides", () => {
    const heard = classified({ top: [{ label: "jazz", probability: 0.9 }] });
    const explain = { label: "jazz", layer: "layer4", method: "grad-cam", start_s: null, end_s: null, trust: true, stems: false };
    const asked = { classify: { model: ["genre-10", "music-100"] }, explain };
    expect(isAsked(asked, choice, {}, heard)).toBe(true);
    expect(isAsked(asked, choice, { trust: true }, heard)).toBe(true);
    expect(isAsked(asked, choice, { trust: true, stems: true }, heard)).toBe(false);
    expect(isAsked(optionsOf(choice, { stems: true }), choice, { stems: true }, heard)).toBe(true);
    for (const other of [{ model: "music-100" }, { label: "rock" }, { layer: "layer2" }, { method: "hirescam" } as const]) {
      expect(isAsked(asked, { ...choice, ...other }, {}, heard)).toBe(false);
    }
    const stretch = { startS: 60, endS: 65 };
    const there = { ...asked, explain: { ...explain, start_s: 60, end_s: 65 } };
    expect(isAsked(there, { ...choice, stretch }, {}, heard)).toBe(true);
    expect(isAsked(there, choice, {}, heard)).toBe(false);
    expect(isAsked(asked, { ...choice, stretch }, {}, heard)).toBe(false);
    expect(isAsked({ ...asked, explain: { ...explain, artifacts: [] } }, choice, {}, heard)).toBe(false);
    expect(isAsked({ describe: {} }, choice, {}, heard)).toBe(false);
    expect(isAsked(undefined, choice, {}, heard)).toBe(false);
  });

  it("is of the label that counts, by the model that was chosen, where a job names neither", () => {
    const heard = classified({ top: [{ label: "jazz", probability: 0.9 }] });
    const whole = { ...choice, method: METHODS[0] };
    for (const asked of [{ explain: { layer: "layer4" } }, { classify: { model: "auto" }, explain: { label: null, layer: "layer4" } }]) {
      expect(isAsked(asked, whole, {}, heard)).toBe(true);
      expect(isAsked(asked, { ...whole, label: "rock" }, {}, heard)).toBe(false);
      expect(isAsked(asked, { ...whole, model: "music-100" }, {}, heard)).toBe(false);
      expect(isAsked(asked, whole, {}, null)).toBe(false);
      expect(isAsked(asked, null, {}, null)).toBe(true);
    }
    expect(isAsked({ explain: { label: "rock" } }, null, {}, heard)).toBe(false);
  });
});
