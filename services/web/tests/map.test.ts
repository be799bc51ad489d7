import { describe, expect, it } from "vitest";
import { atlasOf, filtered } from "../src/library/map/atlas";
import { Dots, faded, stampOf } from "../src/library/map/dots";
import { between, boundsOf, CLOSEST, panned, scaleOf, showing, toPixel, toSpot, whole, zoomed } from "../src/library/map/mapView";
import { lifted, NAME_PX, named, placed } from "../src/library/map/labelNames";
import { Grid, toward } from "../src/library/map/nearest";
import { methodText, missingText, pointText, silentText, summaryText } from "../src/library/map/text";

const bounds = { left: -1, right: 1, bottom: -0.5, top: 0.7 };
const frame = { bounds, size: { width: 900, height: 500 } };

/** Places that look random and are the same every time. */
function scattered(count: number): { x: number; y: number }[] {
  let state = 7;
  const next = () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 1_073_741_823.5 - 1;
  };
  return Array.from({ length: count }, () => ({ x: next(), y: next() }));
}

const point = (filename: string, label: string | null, x = 0, y = 0, others: string[] = []) => ({
  track_id: `trk_${filename}`,
  filename,
  label,
  labels: [...(label === null ? [] : [label]), ...others],
  duration_s: 5,
  x,
  y,
});

describe("the visible part of the map", () => {
  it("draws a spot where a click finds it again", () => {
    const view = zoomed(whole(bounds), 5, { left: 200, top: 420 }, frame);
    for (const spot of [{ x: -1, y: 0.7 }, { x: 0.3, y: -0.2 }]) {
      const back = toSpot(toPixel(spot, view, frame), view, frame);
      expect(back.x).toBeCloseTo(spot.x, 9);
      expect(back.y).toBeCloseTo(spot.y, 9);
    }
  });

  it("shows everything at first, y upwards, with one scale for both axes", () => {
    const corners = boundsOf([{ x: -1, y: -0.5 }, { x: 1, y: 0.7 }]);
    expect(corners).toEqual(bounds);
    const low = toPixel({ x: -1, y: -0.5 }, whole(bounds), frame);
    const high = toPixel({ x: 1, y: 0.7 }, whole(bounds), frame);
    expect(Math.min(low.left, high.top)).toBeGreaterThan(0);
    expect(Math.max(high.left - 900, low.top - 500)).toBeLessThan(0);
    expect((high.left - low.left) / 2).toBeCloseTo((low.top - high.top) / 1.2, 6);
  });

  it("zooms around a pixel whose spot stays where it is", () => {
    const around = { left: 400, top: 260 };
    const before = toSpot(around, whole(bounds), frame);
    const view = zoomed(whole(bounds), 8, around, frame);
    expect(toPixel(before, view, frame).left).toBeCloseTo(around.left, 6);
    expect(toPixel(before, view, frame).top).toBeCloseTo(around.top, 6);
    expect(zoomed(view, 1e9, around, frame).zoom).toBe(CLOSEST);
    expect(zoomed(view, 1e-9, around, frame)).toEqual(whole(bounds));
  });

  it("pans with the pointer, and never leaves the map", () => {
    const view = zoomed(whole(bounds), 8, { left: 450, top: 250 }, frame);
    const spot = { x: 0.1, y: 0.1 };
    const [from, to] = [toPixel(spot, view, frame), toPixel(spot, panned(view, 30, -20, frame), frame)];
    expect(to.left - from.left).toBeCloseTo(30, 6);
    expect(to.top - from.top).toBeCloseTo(-20, 6);
    const corner = toPixel({ x: -1, y: 0.7 }, panned(view, 1e6, 1e6, frame), frame);
    expect(corner.left).toBeGreaterThan(0);
    expect(corner.left).toBeLessThan(60);
    expect(corner.top).toBeLessThan(60);
  });

  it("moves no further than needed to show a spot", () => {
    const view = zoomed(whole(bounds), 8, { left: 450, top: 250 }, frame);
    expect(showing(view, { x: view.x, y: view.y }, frame)).toEqual(view);
    const there = toPixel({ x: 0.9, y: 0.1 }, showing(view, { x: 0.9, y: 0.1 }, frame), frame);
    expect(there.left).toBeGreaterThan(800);
    expect(there.left).toBeLessThan(900);
  });

  it("keeps a spot in place during a glide", () => {
    const around = { left: 700, top: 120 };
    const from = whole(bounds);
    const to = zoomed(from, 6, around, frame);
    const spot = toSpot(around, from, frame);
    expect(toPixel(spot, between(from, to, 0.4), frame).left).toBeCloseTo(around.left, 6);
    expect(between(from, to, 0)).toEqual(from);
    expect(between(from, to, 1).zoom).toBeCloseTo(to.zoom, 9);
  });

  it("works for a single recording", () => {
    const alone = boundsOf([{ x: 0, y: 0 }]);
    expect(scaleOf(whole(alone), { ...frame, bounds: alone })).toBeLessThan(1e5);
    expect(toPixel({ x: 0, y: 0 }, whole(alone), { ...frame, bounds: alone })).toEqual({ left: 450, top: 250 });
  });
});

describe("the grid", () => {
  const spots = scattered(2_000);
  const grid = new Grid(spots);

  it("finds the same as a look at everything", () => {
    for (const at of scattered(200)) {
      const distances = spots.map(({ x, y }) => Math.hypot(x - at.x, y - at.y));
      const least = Math.min(...distances);
      expect(grid.nearest(at, 0.2)).toBe(least <= 0.2 ? distances.indexOf(least) : null);
    }
    expect(grid.nearest({ x: 40, y: 40 }, 0.1)).toBeNull();
    expect(grid.nearest({ x: 40, y: 40 }, 100)).not.toBeNull();
  });

  it("finds only what fits", () => {
    const at = spots[0] as { x: number; y: number };
    expect(grid.nearest(at, 1)).toBe(0);
    expect(grid.nearest(at, 1, (index) => index !== 0)).not.toBe(0);
    expect(grid.nearest(at, 1, () => false)).toBeNull();
  });

  it("steps in the given direction, and every spot can be reached", () => {
    const few = scattered(60);
    const ways = [{ x: 1, y: 0 }, { x: -1, y: 0 }, { x: 0, y: 1 }, { x: 0, y: -1 }];
    const seen = new Set([0]);
    for (const from of seen) {
      for (const way of ways) {
        const next = toward(few, from, way, () => true);
        if (next === null) continue;
        const [a, b] = [few[from], few[next]] as [{ x: number; y: number }, { x: number; y: number }];
        expect((b.x - a.x) * way.x + (b.y - a.y) * way.y).toBeGreaterThan(0);
        seen.add(next);
      }
    }
    expect(seen.size).toBe(few.length);
  });
});

describe("names on the map", () => {
  it("are placed at a recording in the middle of their group, the largest first", () => {
    const found = named([point("a", "rain", -1, 0), point("b", "dog", 0.5, 0.5), point("c", "rain", -0.9, 0.2), point("d", "rain", 1, 0.1), point("e", null)]);
    expect(found.map(({ label, members }) => [label, members])).toEqual([
      ["rain", [0, 2, 3]],
      ["dog", [1]],
    ]);
    expect(found[0]?.middle).toMatchObject({ x: -0.9, y: 0.2 });
  });

  it("never cover each other nor leave the plot, and the first is always shown", () => {
    const names = scattered(80).map(({ x, y }, rank) => ({
      label: `${rank}`,
      at: { left: (x + 1) * 300, top: (y + 1) * 200 },
      lift: 0,
      width: 40 + (rank % 5) * 12,
    }));
    const found = placed(names, { width: 600, height: 400 });
    expect(found[0]?.label).toBe("0");
    expect(found.length).toBeGreaterThan(20);
    expect(found.length).toBeLessThan(80);
    for (const [rank, one] of found.entries()) {
      expect(one.at.left - one.width / 2).toBeGreaterThanOrEqual(0);
      expect(one.at.left + one.width / 2).toBeLessThanOrEqual(600);
      for (const other of found.slice(rank + 1)) {
        const apart = Math.abs(one.at.left - other.at.left) >= (one.width + other.width) / 2;
        expect(apart || Math.abs(one.at.top - other.at.top) >= NAME_PX).toBe(true);
      }
    }
  });

  it("are above a small group of dots and in the middle of a large one", () => {
    const cluster = (size: number) => named(scattered(size).map(({ x, y }, at) => point(`${at}`, "rain", x / 10, y / 10)))[0];
    const few = cluster(6);
    const many = cluster(200);
    if (!few || !many) throw new Error("there is no name");
    expect(lifted(few, 300, 5)).toBeGreaterThan(NAME_PX / 2 + 5);
    expect(lifted(few, 1e6, 5)).toBeLessThan(80);
    expect(lifted(many, 300, 2)).toBe(0);
  });

  it("are left out when their middle is not visible", () => {
    const name = { label: "rain", lift: 40, width: 60 };
    const size = { width: 600, height: 400 };
    expect(placed([{ ...name, at: { left: -20, top: 100 } }], size)).toEqual([]);
    expect(placed([{ ...name, at: { left: 20, top: 10 } }], size)[0]?.at.top).toBeGreaterThan(0);
    expect(placed([{ ...name, at: { left: 20, top: 100 } }], size)[0]?.at).toEqual({ left: 34, top: 60 });
  });
});

describe("dots", () => {
  const [ground, colour, rim] = [0x20_10_08, 0x30_a0_f0, 0x00_00_00];
  const at = (dots: Dots, x: number, y: number) => [...dots.bytes.slice((y * dots.width + x) * 4, (y * dots.width + x) * 4 + 4)];

  it("are round, with their colour inside and a rim", () => {
    const dots = new Dots(30, 20);
    dots.clear(ground);
    dots.draw(15, 10, stampOf(6, colour, rim));
    expect(at(dots, 15, 10)).toEqual([0xf0, 0xa0, 0x30, 255]);
    expect(at(dots, 18, 12)).toEqual([0xf0, 0xa0, 0x30, 255]);
    for (const share of at(dots, 21, 10).slice(0, 3).map((value, place) => value / (at(dots, 0, 0)[place] ?? 1))) expect(share).toBeLessThan(0.7);
    expect(at(dots, 20, 15)).toEqual([0x08, 0x10, 0x20, 255]);
    expect(at(dots, 15, 18)).toEqual([0x08, 0x10, 0x20, 255]);
  });

  it("are clipped at the edges, and do not overflow when thousands overlap", () => {
    const dots = new Dots(9, 7);
    const light = 0xff_ff_ff;
    dots.clear(light);
    for (const { x, y } of scattered(5_000)) dots.draw(12 * x, 12 * y, stampOf(3.5, light, light));
    for (const byte of dots.bytes) expect(byte).toBeGreaterThan(200);
    dots.draw(500, -500, stampOf(3.5, colour, rim));
    dots.draw(-2, 3, stampOf(3.5, 0, 0));
    expect(at(dots, 0, 3)[0]).toBeLessThan(100);
    expect(at(dots, 8, 2)[0]).toBeGreaterThan(200);
  });

  it("fade to the ground", () => {
    expect(faded(colour, ground, 0)).toBe(colour);
    expect(faded(colour, ground, 1)).toBe(ground);
    expect(faded(0x00_00_64, 0x00_00_00, 0.5)).toBe(0x32);
  });
});

describe("the library's filter", () => {
  const points = [point("Rain 1.wav", "rain"), point("rain 2.wav", null), point("dog.wav", "dog", 0, 0, ["bark"])];

  it("keeps what has the label, of what the search found", () => {
    const by = (found: string[] | null, label: string | null) => {
      const { fits, count } = filtered(points, found && new Set(found), label);
      return [points.flatMap((_, index) => (fits(index) ? [index] : [])), count];
    };
    const rain = ["trk_Rain 1.wav", "trk_rain 2.wav", "trk_of another map"];
    expect(by(null, null)).toEqual([[0, 1, 2], 3]);
    expect(by(rain, null)).toEqual([[0, 1], 2]);
    expect(by(rain, "rain")).toEqual([[0], 1]);
    expect(by(null, "bark")).toEqual([[2], 1]);
    expect(by([], null)).toEqual([[], 0]);
  });
});

describe("the map's texts", () => {
  const map = { model: "environment-10", missing: 0, points: [point("a", "dog_bark")], drawn_at: "2026-05-04T12:00:00Z" };

  it("say how many recordings are missing", () => {
    expect(missingText(map)).toBeNull();
    expect(missingText({ ...map, missing: 12 })).toBe("12 recordings are not on the map yet.");
    expect(missingText({ ...map, missing: 1 })).toBe("1 recording is not on the map yet.");
    expect(missingText({ ...map, missing: 60, drawn_at: null, points: [] })).toContain("no map yet");
    const full = Array.from({ length: 10_000 }, () => point("a", null));
    expect(missingText({ ...map, missing: 5, points: full })).toContain("10,000 newest");
  });

  it("says how many recordings are silent", () => {
    expect(silentText({ ...map, silent: 0 })).toBeNull();
    expect(silentText({ ...map, silent: 1 })).toBe("1 recording is silent, and has no place on the map.");
    expect(silentText({ ...map, silent: 2 })).toBe("2 recordings are silent, and have no place on the map.");
  });

  it("say how it was drawn and how trustworthy it is", () => {
    const now = Date.parse("2026-05-04T12:02:00Z");
    const by = (method: "umap" | "pca", trustworthiness: number | null) => methodText({ ...map, method, trustworthiness }, now);
    expect(by("umap", 0.9712)).toContain("Drawn 2 min ago by UMAP");
    expect(by("umap", 0.9712)).toContain("Recordings near each other sound alike: trustworthiness 97 %.");
    expect(by("umap", 0.71)).toContain("Some recordings near each other do not sound alike: trustworthiness 71 %");
    expect(by("pca", null)).not.toContain("trustworthy");
  });

  it("say why a recording has no label", () => {
    const unlabelled = (classified_by: string[], model: string | null) => pointText({ ...point("a", null), classified_by }, model);
    expect(unlabelled([], null)).toBe("a, not listened to, 0:05");
    expect(pointText({ ...point("a", null), classification_failed: true }, null)).toBe("a, could not be listened to, 0:05");
    expect(unlabelled(["genre-10"], null)).toBe("a, no label is likely, 0:05");
    expect(unlabelled(["genre-10"], "environment-50")).toBe("a, not heard by environment-50, 0:05");
    expect(pointText({ ...point("a", "dog_bark"), label_confirmed: true }, null)).toBe("a, dog bark (confirmed), 0:05");
  });

  it("say its given name, else the title by its tags, as the library does", () => {
    const tagged = { ...point("a.wav", "rain"), title: "So What" };
    expect(pointText(tagged, null)).toBe("So What, rain, 0:05");
    expect(pointText({ ...tagged, name: "At the mill" }, null)).toBe("At the mill, rain, 0:05");
  });

  it("say how many there are, and the largest labels", () => {
    const points = [point("a", "dog_bark"), point("b", "dog_bark"), point("c", "rain"), point("d", null)];
    expect(summaryText(atlasOf(points))).toBe("4 recordings: dog bark 2, rain 1; 1 without a label.");
    expect(summaryText(atlasOf([point("a", null)]))).toBe("1 recording; 1 without a label.");
  });
});
