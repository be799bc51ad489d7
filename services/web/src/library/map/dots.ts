/** Red, green and blue in one number, red in the lowest byte, as in a canvas's memory. */
export type Packed = number;
/** A dot to be drawn over pixels: what it adds, and how much of the pixel below it keeps, out of 256. */
export type Stamp = { reach: number; added: Int32Array; kept: Int32Array };

const RIM = 0.82;
const OPAQUE = 0xff << 24;
const ALL = 256;

/**
 * A picture of dots. Pixels are written directly: copying as many small pictures to a canvas takes ten times as long, and a
 * library has thousands of recordings.
 */
export class Dots {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8ClampedArray<ArrayBuffer>;
  readonly #pixels: Int32Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.bytes = new Uint8ClampedArray(width * height * 4);
    this.#pixels = new Int32Array(this.bytes.buffer);
  }

  clear(ground: Packed): void {
    this.#pixels.fill(ground | OPAQUE);
  }

  /** Draws a dot with its middle on a pixel; clips it at the edges. */
  draw(x: number, y: number, { reach, added, kept }: Stamp): void {
    const side = 2 * reach + 1;
    const [left, top] = [Math.round(x) - reach, Math.round(y) - reach];
    const [first, last] = [Math.max(0, -left), Math.min(side, this.width - left)];
    const end = Math.min(side, this.height - top);
    const pixels = this.#pixels;
    for (let row = Math.max(0, -top); row < end; row += 1) {
      const line = (top + row) * this.width + left;
      for (let column = first; column < last; column += 1) {
        const at = row * side + column;
        const keep = kept[at] as number;
        if (keep === ALL) continue;
        pixels[line + column] = laid(pixels[line + column] as number, added[at] as number, keep);
      }
    }
  }
}

/** A disc with a rim that separates it from the dots below. */
export function stampOf(radius: number, colour: Packed, rim: Packed): Stamp {
  const reach = Math.ceil(radius + 0.5);
  const side = 2 * reach + 1;
  const stamp = { reach, added: new Int32Array(side * side), kept: new Int32Array(side * side) };
  for (let at = 0; at < side * side; at += 1) {
    const far = Math.hypot((at % side) - reach, Math.floor(at / side) - reach);
    const [disc, core] = [covered(radius, far), covered(radius * RIM, far)];
    stamp.kept[at] = Math.round(ALL * (1 - disc));
    stamp.added[at] = mixed((shift) => channel(colour, shift) * core + channel(rim, shift) * (disc - core));
  }
  return stamp;
}

/** A colour mixed with another by a share, 0 to 1. */
export function faded(colour: Packed, ground: Packed, share: number): Packed {
  return mixed((shift) => channel(colour, shift) * (1 - share) + channel(ground, shift) * share);
}

/** Blends two channels at once: between red and blue there is room for the product's upper bits. */
function laid(below: number, added: number, kept: number): number {
  const redBlue = (((below & 0xff00ff) * kept) >>> 8) & 0xff00ff;
  const green = (((below & 0x00ff00) * kept) >>> 8) & 0x00ff00;
  return OPAQUE | (redBlue + green + added);
}

function covered(radius: number, far: number): number {
  return Math.min(1, Math.max(0, radius - far + 0.5));
}

function channel(colour: Packed, shift: number): number {
  return (colour >>> shift) & 0xff;
}

function mixed(valueAt: (shift: number) => number): Packed {
  // Rounded down, so that added to what is kept it never carries into the next channel.
  return [0, 8, 16].reduce((sum, shift) => sum | (Math.floor(valueAt(shift)) << shift), 0);
}
