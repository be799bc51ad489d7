import { describe, expect, it } from "vitest";
import { extremes, linePoints } from "../src/sound/outline";
import { type Levels, levelFor, parts, TileCache, type TileName, tilesIn, windowFor } from "../src/sound/tiles";

const SIX_HOURS = 6 * 3_600;
const levels: Levels = {
  samples: SIX_HOURS * 44_100,
  sample_rate_hz: 44_100,
  tile_items: 4_096,
  kept_level: 4,
  detail_end_s: 880,
  levels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((level) => ({ level, tiles: Math.ceil((SIX_HOURS * 44_100) / 4 ** level / 4_096) })),
};
const later = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("tiles", () => {
  it("are of the level whose items are a pixel wide, and few at any zoom", () => {
    for (let span = SIX_HOURS; span > 0.005; span /= 1.3) {
      const view = { startS: 60, endS: 60 + Math.min(span, SIX_HOURS - 60) };
      const level = levelFor(levels, view, 1_440, 1);
      const tiles = tilesIn(levels, level, view);
      expect(tiles.length).toBeGreaterThan(0);
      expect(tiles.length).toBeLessThanOrEqual(3);
      const px = ((4 ** level / 44_100) * 1_440) / (view.endS - view.startS);
      expect(level === 0 || px <= 1 || view.endS > levels.detail_end_s).toBe(true);
    }
  });

  it("are not finer than what can be read in view", () => {
    expect(levelFor(levels, { startS: 870, endS: 870.01 }, 1_440, 1)).toBe(0);
    expect(levelFor(levels, { startS: 9_000, endS: 9_000.01 }, 1_440, 1)).toBe(4);
  });

  it("are as fine at the very end of a recording, whose last sample the axis may miss", () => {
    const all = { ...levels, detail_end_s: SIX_HOURS };
    expect(levelFor(all, { startS: SIX_HOURS - 0.01, endS: SIX_HOURS + 1e-6 }, 1_440, 1)).toBe(0);
    expect(levelFor(all, { startS: 9_000, endS: 9_000.01 }, 1_440, 1)).toBe(0);
  });

  it("have a chosen window where it is offered, as far as the recording is decoded", () => {
    const offered = { ...levels, windows: [512, 8192], windowed_level: 6 };
    expect(windowFor(offered, { level: 4, number: 0 }, 512)).toBe(512);
    expect(windowFor(offered, { level: 6, number: 1 }, 8192)).toBe(8192);
    expect(windowFor(offered, { level: 7, number: 0 }, 512)).toBeUndefined();
    expect(windowFor(offered, { level: 4, number: 40 }, 512)).toBeUndefined();
    expect(windowFor(offered, { level: 4, number: 0 }, 600)).toBeUndefined();
    expect(windowFor(offered, { level: 4, number: 0 }, undefined)).toBeUndefined();
    expect(windowFor(levels, { level: 4, number: 0 }, 512)).toBeUndefined();
  });

  it("that the service refuses are not waited for", async () => {
    const cache = new TileCache<number>(async () => Promise.reject(new Error("refused")), 4);
    cache.want([{ level: 0, number: 7 }]);
    await later();
    expect([7, 8].map((number) => cache.hasFailed({ level: 0, number }))).toEqual([true, false]);
  });

  it("are drawn from coarser ones until they are there", () => {
    const wanted = [
      { level: 4, number: 8 },
      { level: 4, number: 9 },
    ];
    const there = new Map([["6/0", "coarse"], ["4/9", "fine"]]);
    const drawn = parts(levels, wanted, ({ level, number }) => there.get(`${level}/${number}`));
    expect(drawn.map(({ tile, level }) => [tile, level])).toEqual([["coarse", 6], ["fine", 4]]);
    expect(drawn[0]?.endS).toBe(drawn[1]?.startS);
    expect(parts(levels, wanted, () => undefined)).toEqual([]);
  });

  it("are loaded a few at a time; others that are still being loaded are given up", async () => {
    const asked: TileName[] = [];
    const given: AbortSignal[] = [];
    const cache = new TileCache<number>(async (name, signal) => {
      asked.push(name);
      given.push(signal);
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    }, 8);
    cache.want(Array.from({ length: 9 }, (_, number) => ({ level: 4, number })));
    expect(asked.length).toBe(4);
    cache.want([{ level: 5, number: 0 }]);
    await later();
    expect(given.slice(0, 4).every(({ aborted }) => aborted)).toBe(true);
    expect(asked.slice(4)).toEqual([{ level: 5, number: 0 }]);
    expect(cache.problem).toBeNull();
  });

  it("are kept up to a number, those that were drawn last", async () => {
    const cache = new TileCache<number>(async ({ number }) => number, 4);
    for (let number = 0; number < 9; number += 1) {
      cache.want([{ level: 4, number }]);
      await later();
      cache.get({ level: 4, number: 0 });
    }
    expect(cache.size).toBe(4);
    expect(cache.get({ level: 4, number: 0 })).toBe(0);
    expect(cache.get({ level: 4, number: 8 })).toBe(8);
    expect(cache.get({ level: 4, number: 1 })).toBeUndefined();
  });

  it("that cannot be loaded are not asked for again until they are wanted again", async () => {
    let tries = 0;
    const cache = new TileCache<number>(async () => {
      tries += 1;
      throw new Error("gone");
    }, 4);
    cache.want([{ level: 4, number: 0 }]);
    await later();
    await later();
    expect([tries, cache.problem instanceof Error]).toEqual([1, true]);
  });
});

describe("an outline", () => {
  const tile = (number: number, value: (index: number) => number) => ({
    level: 4,
    number,
    tile: Float32Array.from({ length: 8_192 }, (_, at) => (at % 2 ? value(at >> 1) : -value(at >> 1))),
    startS: (number * 4_096 * 256) / 44_100,
    endS: ((number + 1) * 4_096 * 256) / 44_100,
  });

  it("does not thin out where tiles meet", () => {
    const meet = (4_096 * 256) / 44_100;
    const { low, high } = extremes(levels, [tile(0, () => 0.5), tile(1, () => 0.5)], { startS: meet - 0.1, endS: meet + 0.1 }, 1_440);
    expect([Math.min(...high), Math.max(...high)]).toEqual([0.5, 0.5]);
    expect([Math.min(...low), Math.max(...low)]).toEqual([-0.5, -0.5]);
  });

  it("has a click in the columns of its samples and in no other", () => {
    const found = extremes(levels, [tile(0, (index) => (index === 1_000 ? 1 : 0.1))], { startS: 0, endS: 4_096 * (256 / 44_100) }, 4_096);
    expect([...found.high].map((value, at) => (value > 0.5 ? at : -1)).filter((at) => at >= 0)).toEqual([1_000]);
  });

  it("goes through its samples when they are apart, and on over the edges", () => {
    const part = { ...tile(0, (index) => index), level: 0, startS: 0, endS: 4_096 / 44_100 };
    const points = linePoints(levels, [part], { startS: 10 / 44_100, endS: 14 / 44_100 });
    expect(points.map(([timeS]) => Math.round(timeS * 44_100))).toEqual([9, 10, 11, 12, 13, 14]);
  });
});
