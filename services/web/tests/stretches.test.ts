import { describe, expect, it } from "vitest";
import { heardIn, stretchAt } from "../src/track/stretches";

describe("the stretch that is asked about", () => {
  it("is a window around the playhead, within the recording", () => {
    expect(stretchAt(60, null, 130)).toEqual({ startS: 57.5, endS: 62.5 });
    expect(stretchAt(0, null, 130)).toEqual({ startS: 0, endS: 5 });
    expect(stretchAt(130, null, 130)).toEqual({ startS: 125, endS: 130 });
    expect(stretchAt(3, null, 4)).toEqual({ startS: 0, endS: 4 });
  });

  it("is the loop where it can be explained at once", () => {
    expect(stretchAt(60, { startS: 70.04, endS: 99.96 }, 130)).toEqual({ startS: 70, endS: 100 });
    expect(stretchAt(60, { startS: 70, endS: 101 }, 130)).toEqual({ startS: 57.5, endS: 62.5 });
    expect(stretchAt(60, { startS: 70, endS: 70.2 }, 130)).toEqual({ startS: 57.5, endS: 62.5 });
  });
});

describe("what is heard there", () => {
  const window = (start_s: number, label: string, more = {}) => ({ start_s, end_s: start_s + 5, silent: false, unknown: false, top: [{ label, probability: 0.3 }], ...more });
  const model = { name: "environment-50", digest: "sha256:0" };
  const windows = [window(0, "rain"), window(2.5, "dog", { unknown: true }), window(5, "jazz", { model: "genre-10" }), window(7.5, "hum", { silent: true })];

  it("is the most probable label of the nearest window, by its model, also where it is unknown", () => {
    expect(heardIn({ windows, model }, { startS: 0, endS: 2 })).toEqual({ model: "environment-50", label: "rain" });
    expect(heardIn({ windows, model }, { startS: 2.5, endS: 7.5 })).toEqual({ model: "environment-50", label: "dog" });
    expect(heardIn({ windows, model }, { startS: 5, endS: 10 })).toEqual({ model: "genre-10", label: "jazz" });
  });

  it("is nothing in silence, and without windows", () => {
    expect(heardIn({ windows, model }, { startS: 9, endS: 12 })).toBeNull();
    expect(heardIn({ windows: [], model }, { startS: 0, endS: 5 })).toBeNull();
  });
});
