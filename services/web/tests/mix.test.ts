import { describe, expect, it } from "vitest";
import { withChannel, isAudible, levelDb, mixdownOptions, outline, QUIETEST_DB, stereoGains, neutralMix } from "../src/mixer/mix";

const MIX = neutralMix(["drums", "bass", "vocals"]);

describe("the mixer", () => {
  it("plays a stem of the neutral mix as it is in the recording", () => {
    const [left, right] = stereoGains(MIX, "bass");
    expect(left).toBeCloseTo(1, 12);
    expect(right).toBeCloseTo(1, 12);
  });

  it("pans with constant power, as the exported mix does", () => {
    for (const pan of [-1, -0.4, 0, 0.7, 1]) {
      const [left, right] = stereoGains(withChannel(MIX, "bass", { pan }), "bass");
      expect(left ** 2 + right ** 2).toBeCloseTo(2, 9);
      expect(left).toBeCloseTo(Math.SQRT2 * Math.cos(((pan + 1) * Math.PI) / 4), 12);
    }
  });

  it("converts decibels to gains", () => {
    expect(stereoGains(withChannel(MIX, "bass", { gainDb: -20 }), "bass")[0]).toBeCloseTo(0.1, 9);
    expect(stereoGains(withChannel(MIX, "bass", { gainDb: QUIETEST_DB }), "bass")).toEqual([0, 0]);
  });

  it("lets solo silence the others and mute silence itself", () => {
    const solo = withChannel(MIX, "drums", { solo: true });
    expect(["drums", "bass", "vocals"].map((name) => isAudible(solo, name))).toEqual([true, false, false]);
    const both = withChannel(solo, "drums", { muted: true });
    expect(["drums", "bass", "vocals"].map((name) => isAudible(both, name))).toEqual([false, false, false]);
    const two = withChannel(solo, "bass", { solo: true });
    expect(isAudible(two, "bass")).toBe(true);
  });

  it("exports the mix that is played", () => {
    const mix = withChannel(withChannel(MIX, "drums", { solo: true, gainDb: 3 }), "bass", { pan: 0.5 });
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
