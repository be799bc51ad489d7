/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

// Magma (Smith and van der Walt, public domain), every sixteenth of its colours; linear between them.
const MAGMA: readonly Colour[] = [
  [0, 0, 4], [11, 9, 36], [32, 17, 75], [59, 15, 112], [87, 21, 126], [114, 31, 129], [140, 41, 129], [168, 50, 125],
  [196, 60, 117], [222, 73, 104], [241, 96, 93], [250, 127, 94], [254, 159, 109], [254, 191, 132], [253, 222, 160],
  [252, 253, 191],
];
const AMBER: Colour = [242, 184, 75];

/** The colour of a brightness; clamped to 0 and 1. */
export function magma(brightness: number): Colour {
  const place = Math.min(1, Math.max(0, Number.isNaN(brightness) ? 0 : brightness)) * (MAGMA.length - 1);
  const low = Math.min(MAGMA.length - 2, Math.floor(place));
  return mixed(MAGMA[low] as Colour, MAGMA[low + 1] as Colour, place - low);
}

/** The luminance of a colour, 0 to 1 (Rec. 709). */
export function lightness([red, green, blue]: Colour): number {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** Magma as 256 canvas pixels, desaturated by a share, 0 to 1. */
export function spectrogramPalette(faded: number): Uint32Array {
  return palette((brightness) => {
    const colour = magma(brightness);
    const grey = Math.round(255 * lightness(colour) * 0.62);
    return [...mixed(colour, [grey, grey, Math.min(255, grey + 6)], faded), 255];
  });
}

/** Amber as 256 canvas pixels, from transparent to opaque. */
export function evidencePalette(): Uint32Array {
  return palette((heat) => [...AMBER, Math.round(255 * Math.min(1, heat ** 1.6 * 1.1))]);
}

function palette(colourOf: (share: number) => readonly number[]): Uint32Array {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let step = 0; step < 256; step += 1) bytes.set(colourOf(step / 255), step * 4);
  return new Uint32Array(bytes.buffer);
}

function mixed(from: Colour, to: Colour, share: number): Colour {
  const at = (place: 0 | 1 | 2) => Math.round(from[place] + (to[place] - from[place]) * share);
  return [at(0), at(1), at(2)];
}
