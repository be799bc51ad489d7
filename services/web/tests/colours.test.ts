import { describe, expect, it } from "vitest";
import { COLOUR_MAPS, colourOf, evidencePalette, lightness, spectrogramPalette } from "../src/sound/colours";

const pixels = (palette: Uint32Array) => new Uint8Array(palette.buffer);

describe("colours", () => {
  it.each(COLOUR_MAPS)("of %s get lighter with every step of loudness, and darker where they are inverted", (map) => {
    const lights = Array.from({ length: 256 }, (_, step) => lightness(colourOf(map, step / 255)));
    lights.forEach((light, step) => {
      if (step) expect(light).toBeGreaterThanOrEqual((lights[step - 1] ?? 0) - 3e-3);
    });
    expect(lights[0]).toBeLessThan(0.15);
    expect(lights[255]).toBeGreaterThan(0.75);
    const inverted = pixels(spectrogramPalette(0, map, true));
    expect([...inverted.subarray(0, 3)]).toEqual([...colourOf(map, 1)]);
    expect([...inverted.subarray(255 * 4, 255 * 4 + 3)]).toEqual([...colourOf(map, 0)]);
  });

  it("differ from map to map at every step but the darkest and the brightest", () => {
    for (let step = 32; step < 224; step += 1) {
      const colours = COLOUR_MAPS.map((map) => colourOf(map, step / 255).join());
      expect(new Set(colours).size, `step ${step}`).toBe(COLOUR_MAPS.length);
    }
  });

  it("are clamped", () => {
    expect(colourOf("magma", -3)).toEqual(colourOf("magma", 0));
    expect(colourOf("magma", 7)).toEqual(colourOf("magma", 1));
    expect(colourOf("magma", Number.NaN)).toEqual(colourOf("magma", 0));
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
