import { describe, expect, it } from "vitest";
import { COLOURS, labelColours } from "../src/sound/labelColours";
import type { Segment } from "../src/sound/segments";
import css from "../src/track/labels.css?raw";
import tokens from "../src/styles/tokens.css?raw";

type Triple = readonly [number, number, number];

const segment = (label: string | null, startS: number, endS: number): Segment => ({ label, startS, endS, probability: 0.5, silent: false, kind: null, model: null, confirmed: false });
const NAMES = ["dog", "rain", "rooster", "crow", "jazz", "pop", "siren", "hen", "wind", "cat", "sea_waves"];

describe("labels' colours", () => {
  it("go by the name: a label alone has the same colour in each recording", () => {
    const alone = (label: string, seconds: number) => labelColours([segment(label, 0, seconds)])[0]?.colour;
    for (const name of NAMES) {
      expect(alone(name, 1)).toBe(alone(name, 60));
      expect(Array.from({ length: COLOURS }, (_, number) => number)).toContain(alone(name, 1));
    }
    expect(new Set(NAMES.map((name) => alone(name, 1))).size).toBeGreaterThan(4);
  });

  it("are all different for the eight longest labels; further ones share one more", () => {
    const found = labelColours(NAMES.map((name, at) => segment(name, 0, 20 - at)));
    expect(found.map(({ label }) => label)).toEqual(NAMES);
    expect(new Set(found.slice(0, COLOURS).map(({ colour }) => colour)).size).toBe(COLOURS);
    expect(found.slice(COLOURS).map(({ colour }) => colour)).toEqual([null, null, null]);
  });

  it("add up the stretches of a label, and leave out what is unknown", () => {
    expect(labelColours([segment("dog", 0, 2), segment(null, 2, 9), segment("rain", 9, 12), segment("dog", 12, 14)]).map(({ label, seconds }) => [label, seconds])).toEqual([
      ["dog", 4],
      ["rain", 3],
    ]);
    expect(labelColours([segment(null, 0, 5)])).toEqual([]);
  });
});

// Machado, Oliveira and Fernandes (2009), severity 1: what protanopes, deuteranopes and tritanopes see of linear RGB.
const EYES: Record<string, readonly Triple[]> = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const dot = (row: Triple, [a, b, c]: Triple) => row[0] * a + row[1] * b + row[2] * c;
const times = (rows: readonly Triple[], colour: Triple) => rows.map((row) => dot(row, colour)) as unknown as Triple;
const linear = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255).map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4)) as unknown as Triple;
const luminance = (colour: Triple) => dot([0.2126, 0.7152, 0.0722], colour);

/** OKLab (Ottosson, 2020), in which distances are as eyes see them: 0.02 is just noticed side by side. */
function oklab(colour: Triple): Triple {
  const cones = times([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]], colour);
  const roots = cones.map((cone) => Math.cbrt(Math.max(0, cone))) as unknown as Triple;
  return times([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]], roots);
}

function themed(text: string, name: string): [string, string] {
  const found = [...text.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6});`, "g"))].map(([, hex]) => hex as string);
  expect(found).toHaveLength(2);
  return found as [string, string];
}

describe.each([["dark", 0], ["light", 1]] as const)("the %s theme", (_, at) => {
  const colours = Array.from({ length: COLOURS }, (_unused, number) => linear(themed(css, `label-${number}`)[at]));
  const panel = linear(themed(tokens, "panel")[at]);

  it("has colours that every eye tells apart", () => {
    for (const eye of Object.values(EYES)) {
      const seen = colours.map((colour) => oklab(times(eye, colour).map((share) => Math.min(1, Math.max(0, share))) as unknown as Triple));
      seen.forEach((one, first) => {
        for (const other of seen.slice(first + 1)) expect(Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2])).toBeGreaterThan(0.12);
      });
    }
  });

  it("has colours that stand out from the ground, 3 to 1", () => {
    for (const colour of colours) {
      const [light, dark] = [luminance(colour), luminance(panel)].sort((a, b) => b - a) as [number, number];
      expect((light + 0.05) / (dark + 0.05)).toBeGreaterThanOrEqual(3);
    }
  });
});
