import { describe, expect, it } from "vitest";
import { CLOSEST_S, following, panned, ticks, toTime, toX, whole, zoomed, zoomOf } from "../src/sound/view";

describe("the visible range", () => {
  it("draws a time where a click finds it again", () => {
    const view = { startS: 3, endS: 7 };
    for (const at of [3, 4.2, 7]) expect(toTime(toX(at, view, 640), view, 640)).toBeCloseTo(at, 9);
  });

  it("zooms around a time that stays where it is", () => {
    const view = zoomed(whole(60), 0.5, 20, 60);
    expect(toX(20, view, 900)).toBeCloseTo(toX(20, whole(60), 900), 6);
    expect(zoomOf(view, 60)).toBeCloseTo(0.5, 6);
  });

  it("never leaves the recording", () => {
    expect(panned({ startS: 50, endS: 58 }, 30, 60)).toEqual({ startS: 52, endS: 60 });
    expect(panned({ startS: 2, endS: 8 }, -30, 60)).toEqual({ startS: 0, endS: 6 });
    const closest = zoomed(whole(60), 1, 60, 60);
    expect(closest.endS).toBeCloseTo(60, 9);
    expect(closest.endS - closest.startS).toBeCloseTo(CLOSEST_S, 9);
    expect(zoomed(whole(60), 1.7, 60, 60)).toEqual(closest);
    expect(zoomed(closest, -0.2, 60, 60)).toEqual(whole(60));
  });

  it("shows a recording shorter than the closest zoom as it is", () => {
    expect(zoomOf(whole(0.004), 0.004)).toBe(0);
    expect(zoomed(whole(0.004), 1, 0.002, 0.004)).toEqual(whole(0.004));
  });

  it("turns the page when the playhead leaves it", () => {
    const view = { startS: 0, endS: 5 };
    expect(following(view, 4.9, 20)).toBe(view);
    expect(following(view, 5.1, 20).startS).toBeCloseTo(5.1, 9);
    expect(following(view, 19, 20)).toEqual({ startS: 15, endS: 20 });
  });

  it("labels round times with space between them", () => {
    const found = ticks({ startS: 0.3, endS: 30.3 }, 800);
    expect(found).toEqual([5, 10, 15, 20, 25, 30]);
    expect(ticks(whole(24 * 3600), 300).length).toBeLessThan(14);
  });
});
