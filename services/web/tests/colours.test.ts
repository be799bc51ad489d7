import { describe, expect, it } from "vitest";
import { evidencePalette, lightness, magma, spectrogramPalette } from "../src/sound/colours";

const pixels = (palette: Uint32Array) => new Uint8Array(palette.buffer);

describe("colours", () => {
  it("get lighter with every step of loudness", () => {
    const lights = Array.from({ length: 256 }, (_, step) => lightness(magma(step / 255)));
    lights.forEach((light, step) => {
      if (step) expect(light).toBeGreaterThanOrEqual((lights[step - 1] ?? 0) - 1e-3);
    });
    expect(lights[0]).toBeLessThan(0.01);
    expect(lights[255]).toBeGreaterThan(0.9);
  });

  it("are clamped", () => {
    expect(magma(-3)).toEqual(magma(0));
    expect(magma(7)).toEqual(magma(1));
    expect(magma(Number.NaN)).toEqual(magma(0));
  });

  it("are grey under evidence, which is opaque amber at its hottest", () => {
    const faded = pixels(spectrogramPalette(1));
    for (let step = 0; step < 256; step += 15) {
      const [red = 0, green = 0, blue = 0] = faded.subarray(step * 4, step * 4 + 3);
      expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeLessThanOrEqual(6);
    }
    const heat = pixels(evidencePalette());
    expect(heat[3]).toBe(0);
    expect(heat[255 * 4 + 3]).toBe(255);
  });
});
