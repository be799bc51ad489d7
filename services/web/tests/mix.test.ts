import { describe, expect, it } from "vitest";
import { changed, heard, levelDb, mixdownOptions, outline, QUIETEST_DB, shares, untouched } from "../src/mixer/mix";

const MIX = untouched(["drums", "bass", "vocals"]);

describe("the mixer", () => {
  it("leaves an untouched stem as it was in the recording", () => {
    const [left, right] = shares(MIX, "bass");
    expect(left).toBeCloseTo(1, 12);
    expect(right).toBeCloseTo(1, 12);
  });

  it("pans with constant power, as the exported mix does", () => {
    for (const pan of [-1, -0.4, 0, 0.7, 1]) {
      const [left, right] = shares(changed(MIX, "bass", { pan }), "bass");
      expect(left ** 2 + right ** 2).toBeCloseTo(2, 9);
      expect(left).toBeCloseTo(Math.SQRT2 * Math.cos(((pan + 1) * Math.PI) / 4), 12);
    }
  });

  it("counts decibels", () => {
    expect(shares(changed(MIX, "bass", { gainDb: -20 }), "bass")[0]).toBeCloseTo(0.1, 9);
    expect(shares(changed(MIX, "bass", { gainDb: QUIETEST_DB }), "bass")).toEqual([0, 0]);
  });

  it("lets solo silence the others and mute silence itself", () => {
    const solo = changed(MIX, "drums", { solo: true });
    expect(["drums", "bass", "vocals"].map((name) => heard(solo, name))).toEqual([true, false, false]);
    const both = changed(solo, "drums", { muted: true });
    expect(["drums", "bass", "vocals"].map((name) => heard(both, name))).toEqual([false, false, false]);
    const two = changed(solo, "bass", { solo: true });
    expect(heard(two, "bass")).toBe(true);
  });

  it("asks for the mix that is heard", () => {
    const mix = changed(changed(MIX, "drums", { solo: true, gainDb: 3 }), "bass", { pan: 0.5 });
    expect(mixdownOptions(mix)).toEqual({
      gains_db: { drums: 3, bass: QUIETEST_DB, vocals: QUIETEST_DB },
      pan: { drums: 0, bass: 0.5, vocals: 0 },
    });
  });

  it("measures levels", () => {
    const sine = Float32Array.from({ length: 4_410 }, (_, at) => Math.sin((2 * Math.PI * at) / 44.1));
    expect(levelDb(sine)).toBeCloseTo(-3.01, 1);
    expect(levelDb(new Float32Array(64))).toBe(QUIETEST_DB);
  });

  it("keeps the outline of every sample", () => {
    const { low, high } = outline(Float32Array.from([0.5, -0.25, 0, -1, 0.125, 0]), 3);
    expect([...high]).toEqual([0.5, 0, 0.125]);
    expect([...low]).toEqual([-0.25, -1, 0]);
  });
});
