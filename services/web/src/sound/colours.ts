/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** The names of colour maps from dark to bright, as the API has them. */
export const COLOUR_MAPS = ["magma", "viridis", "inferno", "cividis", "gray"] as const;
export type ColourMap = (typeof COLOUR_MAPS)[number];

// Magma, viridis and inferno (Smith and van der Walt) and cividis (Nuñez, Anderton and Renslow), public domain: every sixteenth of their colours; linear between them.
const STOPS: Record<ColourMap, readonly Colour[]> = {
  magma: [
    [0, 0, 4], [11, 9, 36], [32, 17, 75], [59, 15, 112], [87, 21, 126], [114, 31, 129], [140, 41, 129], [168, 50, 125],
    [196, 60, 117], [222, 73, 104], [241, 96, 93], [250, 127, 94], [254, 159, 109], [254, 191, 132], [253, 222, 160],
    [252, 253, 191],
  ],
  viridis: [
    [68, 1, 84], [72, 25, 107], [70, 47, 124], [64, 67, 135], [56, 86, 139], [48, 103, 141], [41, 120, 142], [35, 136, 141],
    [30, 152, 138], [34, 167, 132], [53, 183, 120], [83, 197, 103], [121, 209, 81], [165, 218, 53], [210, 225, 27],
    [253, 231, 36],
  ],
  inferno: [
    [0, 0, 3], [11, 7, 38], [36, 11, 78], [65, 9, 103], [93, 18, 110], [120, 28, 109], [147, 37, 103], [174, 48, 91],
    [199, 62, 76], [220, 80, 57], [237, 104, 37], [247, 133, 14], [251, 164, 10], [249, 197, 44], [242, 230, 96],
    [252, 254, 164],
  ],
  cividis: [
    [0, 34, 77], [0, 46, 107], [29, 57, 110], [53, 69, 108], [71, 81, 107], [87, 93, 109], [102, 105, 112], [116, 117, 117],
    [132, 129, 120], [148, 142, 119], [165, 155, 115], [182, 169, 110], [200, 183, 101], [218, 198, 90], [237, 214, 72],
    [253, 231, 55],
  ],
  gray: [
    [0, 0, 0], [255, 255, 255],
  ],
};
const AMBER: Colour = [242, 184, 75];

/** The colour of a brightness in a colour map; clamped to 0 and 1. */
export function colourOf(map: ColourMap, brightness: number): Colour {
  const stops = STOPS[map];
  const place = Math.min(1, Math.max(0, Number.isNaN(brightness) ? 0 : brightness)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(place));
  return mixed(stops[low] as Colour, stops[low + 1] as Colour, place - low);
}

/** The luminance of a colour, 0 to 1 (Rec. 709). */
export function lightness([red, green, blue]: Colour): number {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** A colour map as 256 canvas pixels, desaturated by a share, 0 to 1; from bright to dark where it is inverted. */
export function spectrogramPalette(faded: number, map: ColourMap = "magma", inverted = false): Uint32Array {
  return palette((loudness) => {
    const colour = colourOf(map, inverted ? 1 - loudness : loudness);
    const grey = Math.round(255 * lightness(colour) * (inverted ? 1 : 0.62));
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
