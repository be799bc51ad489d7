import { describe, expect, it } from "vitest";
import { nextGrain } from "../src/sound/stretch";
import { qualities } from "../src/sound/bandFilter";
import { changed, lengthText, loopAt } from "../src/sound/loops";
import { lookOf, PLAIN } from "../src/sound/look";

const BARS = [0.5, 2.5, 4.5, 6.5, 8.5];

describe("a loop by bars", () => {
  it("is the bar at a position, and grows and shrinks by whole ones", () => {
    let loop = loopAt(3, BARS, 10);
    expect(loop).toEqual({ startS: 2.5, endS: 4.5 });
    loop = changed(loop, 1, BARS, 10);
    expect([loop.endS, lengthText(loop, BARS)]).toEqual([6.5, "2 bars"]);
    for (let step = 0; step < 5; step += 1) loop = changed(loop, 1, BARS, 10);
    expect(loop.endS).toBe(8.5);
    for (let step = 0; step < 5; step += 1) loop = changed(loop, -1, BARS, 10);
    expect([loop.startS, loop.endS, lengthText(loop, BARS)]).toEqual([2.5, 4.5, "1 bar"]);
  });

  it("takes bars for one that was drawn across them", () => {
    expect(changed({ startS: 3, endS: 5 }, 1, BARS, 10)).toEqual({ startS: 2.5, endS: 6.5 });
    expect(lengthText({ startS: 3, endS: 5 }, BARS)).toBe("2.0 s");
  });

  it("goes by seconds where no bars are known", () => {
    let loop = loopAt(9.6, [], 10);
    expect(loop).toEqual({ startS: 9, endS: 10 });
    loop = { startS: 2, endS: 3 };
    expect(changed(loop, 1, [], 10)).toEqual({ startS: 2, endS: 4 });
    for (let step = 0; step < 9; step += 1) loop = changed(loop, -1, [], 10);
    expect(loop.endS - loop.startS).toBe(0.125);
    expect(lengthText(loop, [])).toBe("0.1 s");
    expect(loopAt(9.5, BARS, 12)).toEqual({ startS: 9.5, endS: 10.5 });
  });
});

/** The gain of one of Web Audio's biquads at a frequency, in dB, by its formula; frequencies as shares of the rate. */
function biquadDb(type: "lowpass" | "highpass", edge: number, qDb: number, at: number): number {
  const [w, alpha] = [2 * Math.PI * edge, Math.sin(2 * Math.PI * edge) / (2 * 10 ** (qDb / 20))];
  const b = type === "lowpass" ? (1 - Math.cos(w)) / 2 : (1 + Math.cos(w)) / 2;
  const middle = type === "lowpass" ? 2 * b : -2 * b;
  const power = (c0: number, c1: number, c2: number) => {
    const v = 2 * Math.PI * at;
    return (c0 + c1 * Math.cos(v) + c2 * Math.cos(2 * v)) ** 2 + (c1 * Math.sin(v) + c2 * Math.sin(2 * v)) ** 2;
  };
  return 10 * Math.log10(power(b, middle, b) / power(1 + alpha, -2 * Math.cos(w), 1 - alpha));
}

describe("the filter of a band", () => {
  const gainDb = (type: "lowpass" | "highpass", edge: number, at: number) =>
    qualities().reduce((sum, q) => sum + biquadDb(type, edge, q, at), 0);

  it("is flat inside, 3 dB down at its edges, and more than 60 dB an octave outside", () => {
    for (const [type, inside, outside] of [["lowpass", 0.01, 0.04], ["highpass", 0.04, 0.01]] as const) {
      expect(gainDb(type, 0.02, 0.02)).toBeCloseTo(-3.01, 1);
      expect(gainDb(type, 0.02, inside)).toBeCloseTo(0, 2);
      expect(gainDb(type, 0.02, outside)).toBeLessThan(-60);
    }
  });
});

describe("grains of a slower or faster sound", () => {
  const RATE_HZ = 11_025;
  const samples = Float32Array.from({ length: RATE_HZ }, (_, at) => Math.sin((2 * Math.PI * 441 * at) / RATE_HZ));

  it("continue the phase of what is heard, near where they are wanted", () => {
    for (const wantedS of [0.2, 0.3021, 0.4567]) {
      const found = nextGrain({ samples, rateHz: RATE_HZ }, 0.25, wantedS);
      const periods = (found - 0.25) * 441;
      expect(Math.abs(periods - Math.round(periods))).toBeLessThan(0.03);
      expect(Math.abs(found - wantedS)).toBeLessThanOrEqual(0.0121);
    }
  });

  it("are where they are wanted in silence", () => {
    expect(nextGrain({ samples: new Float32Array(RATE_HZ), rateHz: RATE_HZ }, 0.25, 0.3)).toBe(0.3);
  });
});

describe("the look of spectrograms", () => {
  it("is the one that is stored, and plain where what is stored cannot be", () => {
    const chosen = { colours: "viridis", inverted: true, scale: "log", topDb: -10, rangeDb: 60, frames: "longest" } as const;
    expect(lookOf(JSON.parse(JSON.stringify(chosen)))).toEqual(chosen);
    for (const broken of [null, 7, "x", [], { colours: "red", inverted: "yes", scale: 3, topDb: null, rangeDb: "8", frames: {} }]) {
      expect(lookOf(broken)).toEqual(PLAIN);
    }
    expect(lookOf({ rangeDb: 1e9, topDb: -1e9 })).toMatchObject({ rangeDb: 120, topDb: -60 });
  });
});
