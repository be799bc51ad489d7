import { describe, expect, it } from "vitest";
import { bandOf, bandRows, frequencyAxis, heightOf, hertzAt, resampledRows, rowsHz } from "../src/sound/mel";

const EDGES = [20, 100, 300, 700, 1_500];

describe("true hertz axes", () => {
  it("finds the frequency at a height and the height of a frequency", () => {
    for (const hertz of [20, 55, 300, 1_100, 1_500]) expect(hertzAt(heightOf(hertz, EDGES), EDGES)).toBeCloseTo(hertz, 6);
    expect(hertzAt(0, EDGES)).toBe(20);
    expect(hertzAt(1, EDGES)).toBe(1_500);
    expect(heightOf(300, EDGES)).toBeCloseTo(0.5, 9);
  });

  it("clamps what is outside", () => {
    expect(heightOf(5, EDGES)).toBe(0);
    expect(heightOf(9_000, EDGES)).toBe(1);
    expect(bandOf(9_000, EDGES)).toBe(-1);
    expect(bandOf(20, EDGES)).toBe(0);
  });

  it.each(["mel", "linear", "log"] as const)("finds heights on the %s scale, and the frequencies there", (scale) => {
    const axis = frequencyAxis(EDGES, scale);
    for (const hertz of [20, 55, 300, 1_100, 1_500]) expect(axis.hertzAt(axis.heightOf(hertz))).toBeCloseTo(hertz, 6);
    expect([axis.heightOf(1), axis.heightOf(9_000)]).toEqual([0, 1]);
  });

  it("has equal distances for equal hertz, or for octaves, also from 0 Hz", () => {
    const linear = frequencyAxis(EDGES, "linear");
    expect(linear.heightOf(760)).toBeCloseTo(0.5, 9);
    const log = frequencyAxis([0, 100, 2_000], "log");
    expect(log.heightOf(400) - log.heightOf(200)).toBeCloseTo(log.heightOf(1_600) - log.heightOf(800), 9);
    expect([log.heightOf(0), log.hertzAt(0)]).toEqual([0, 20]);
  });

  it("shows in each row the band of its frequency, the highest one first", () => {
    expect(bandRows(rowsHz(frequencyAxis(EDGES, "mel"), 4), EDGES)).toEqual([0, 1, 2, 3]);
    expect(bandRows(rowsHz(frequencyAxis(EDGES, "linear"), 4), EDGES)).toEqual([0, 0, 1, 2]);
    expect(bandRows([5, 9_000], EDGES)).toEqual([3, 3]);
  });

  it("resamples heat to the rows of another picture, and adds none outside its own frequencies", () => {
    const heat = [1, 2, 3, 4, 5, 6];
    const moved = resampledRows(heat, 2, [100, 200, 300], [250, 100, 1_000]);
    expect([...moved]).toEqual([4, 5, 1, 2, 0, 0]);
  });
});
