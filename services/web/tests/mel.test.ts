import { describe, expect, it } from "vitest";
import { bandOf, heightOf, hertzAt, resampledRows } from "../src/sound/mel";

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

  it("resamples heat to the rows of another picture, and adds none outside its own frequencies", () => {
    const heat = [1, 2, 3, 4, 5, 6];
    const moved = resampledRows(heat, 2, [100, 200, 300], [250, 100, 1_000]);
    expect([...moved]).toEqual([4, 5, 1, 2, 0, 0]);
  });
});
