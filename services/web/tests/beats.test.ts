import { describe, expect, it } from "vitest";
import { beatsBetween, shownTimes } from "../src/sound/beats";

const BEATS = Float64Array.from({ length: 40 }, (_, beat) => beat / 2);
const BARS = BEATS.filter((_, beat) => beat % 4 === 1);

describe("shownTimes", () => {
  it("gives the beats in view, those that start a bar marked", () => {
    expect(shownTimes(BEATS, BARS, { startS: 1, endS: 2.6 }, 300)).toEqual([
      { timeS: 1, down: false },
      { timeS: 1.5, down: false },
      { timeS: 2, down: false },
      { timeS: 2.5, down: true },
    ]);
  });

  it("gives only the bars where beats are too dense, and nothing where bars are", () => {
    const all = { startS: 0, endS: 20 };
    expect(shownTimes(BEATS, BARS, all, 240)).toHaveLength(40);
    expect(shownTimes(BEATS, BARS, all, 239).map(({ timeS }) => timeS)).toEqual([...BARS]);
    expect(shownTimes(BEATS, BARS, all, 59)).toEqual([]);
  });

  it("gives nothing where there are none", () => {
    expect(shownTimes([], [], { startS: 0, endS: 1 }, 100)).toEqual([]);
    expect(shownTimes(BEATS, BARS, { startS: 100, endS: 101 }, 100)).toEqual([]);
  });
});

describe("beatsBetween", () => {
  it("gives each beat to one of two stretches that meet", () => {
    const times = (startS: number, endS: number) => beatsBetween(BEATS, BARS, startS, endS).map(({ timeS }) => timeS);
    expect(times(1, 2.5)).toEqual([1, 1.5, 2]);
    expect(times(2.5, 3)).toEqual([2.5]);
    expect(beatsBetween(BEATS, BARS, 2.5, 3)).toEqual([{ timeS: 2.5, down: true }]);
    expect([...times(0, 7.3), ...times(7.3, 100)]).toEqual([...BEATS]);
  });
});
