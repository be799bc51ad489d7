/** The band that holds a frequency, or -1. Edges rise; band n is between edge n and n + 1. */
export function bandOf(hertz: number, edgesHz: readonly number[]): number {
  if (hertz < (edgesHz[0] ?? 0) || hertz > (edgesHz.at(-1) ?? 0)) return -1;
  const above = edgesHz.findIndex((edge, at) => at > 0 && hertz <= edge);
  return above - 1;
}

/** The frequency at a height of a picture with equally high bands; 0 is the lower edge, 1 the upper. */
export function hertzAt(height: number, edgesHz: readonly number[]): number {
  const place = Math.min(1, Math.max(0, height)) * (edgesHz.length - 1);
  const low = Math.min(edgesHz.length - 2, Math.floor(place));
  const from = edgesHz[low] ?? 0;
  return from + ((edgesHz[low + 1] ?? from) - from) * (place - low);
}

/** The height of a frequency, 0 to 1; the inverse of `hertzAt`. */
export function heightOf(hertz: number, edgesHz: readonly number[]): number {
  const band = bandOf(hertz, edgesHz);
  if (band < 0) return hertz < (edgesHz[0] ?? 0) ? 0 : 1;
  const from = edgesHz[band] ?? 0;
  const to = edgesHz[band + 1] ?? from;
  return (band + (to > from ? (hertz - from) / (to - from) : 0)) / (edgesHz.length - 1);
}

export type Scale = "mel" | "linear" | "log";

/** The frequencies along the height of a picture, which is 0 at its lower edge and 1 at its upper one. */
export type FrequencyAxis = { hertzAt: (height: number) => number; heightOf: (hertz: number) => number };

const LOWEST_LOG_HZ = 20;

/** The axis of a picture of bands between these edges: mel bands are equally high, octaves are, or hertz. */
export function frequencyAxis(edgesHz: readonly number[], scale: Scale): FrequencyAxis {
  if (scale === "mel") return { hertzAt: (height) => hertzAt(height, edgesHz), heightOf: (hertz) => heightOf(hertz, edgesHz) };
  const top = edgesHz.at(-1) ?? 1;
  const bottom = scale === "log" ? Math.max(LOWEST_LOG_HZ, edgesHz[0] ?? 0) : (edgesHz[0] ?? 0);
  const held = (height: number) => Math.min(1, Math.max(0, height));
  if (scale === "linear") {
    return { hertzAt: (height) => bottom + held(height) * (top - bottom), heightOf: (hertz) => held((hertz - bottom) / (top - bottom)) };
  }
  const octaves = Math.log(top / bottom);
  return {
    hertzAt: (height) => bottom * Math.exp(held(height) * octaves),
    heightOf: (hertz) => (hertz <= bottom ? 0 : held(Math.log(hertz / bottom) / octaves)),
  };
}

/** The frequencies in the middle of each of a picture's rows, the uppermost first. */
export function rowsHz(axis: FrequencyAxis, rows: number): number[] {
  return Array.from({ length: rows }, (_, row) => axis.hertzAt(1 - (row + 0.5) / rows));
}

/** For each frequency the row that shows it in a picture with a row for each band, the highest one first. */
export function bandRows(hertz: readonly number[], edgesHz: readonly number[]): number[] {
  const last = edgesHz.length - 2;
  return hertz.map((one) => last - Math.min(last, Math.max(0, bandOf(one, edgesHz))));
}

/**
 * The rows of a picture resampled to other frequencies: linear between two rows, zero further than half a row outside.
 *
 * `values` holds a row of `columns` for each of `fromHz`; the result holds one for each of `toHz`.
 */
export function resampledRows(
  values: ArrayLike<number>,
  columns: number,
  fromHz: ArrayLike<number>,
  toHz: ArrayLike<number>,
): Float32Array {
  const made = new Float32Array(toHz.length * columns);
  const last = fromHz.length - 1;
  for (let row = 0; row < toHz.length; row += 1) {
    const place = placeOf(toHz[row] ?? 0, fromHz);
    if (place < -0.5 || place > last + 0.5) continue;
    const low = Math.min(last, Math.max(0, Math.floor(place)));
    const high = Math.min(last, low + 1);
    const share = Math.min(1, Math.max(0, place - low));
    for (let column = 0; column < columns; column += 1) {
      const below = values[low * columns + column] ?? 0;
      made[row * columns + column] = below + ((values[high * columns + column] ?? 0) - below) * share;
    }
  }
  return made;
}

function placeOf(hertz: number, centresHz: ArrayLike<number>): number {
  const last = centresHz.length - 1;
  let low = 0;
  while (low < last - 1 && (centresHz[low + 1] ?? 0) <= hertz) low += 1;
  const from = centresHz[low] ?? 0;
  const to = centresHz[Math.min(last, low + 1)] ?? from;
  return to > from ? low + (hertz - from) / (to - from) : low;
}
