import type { Spot } from "./mapView";

type Fits = (index: number) => boolean;

/** An index of spots by grid cells: finds the nearest one without a look at all of them. */
export class Grid {
  readonly #spots: readonly Spot[];
  readonly #cells: number;
  readonly #starts: Uint32Array;
  readonly #indices: Uint32Array;

  /** Indexes spots with coordinates in [-1, 1]. */
  constructor(spots: readonly Spot[], cells = 64) {
    this.#spots = spots;
    this.#cells = cells;
    this.#starts = new Uint32Array(cells * cells + 1);
    this.#indices = new Uint32Array(spots.length);
    const homes = spots.map(({ x, y }) => this.#cell(y) * cells + this.#cell(x));
    for (const home of homes) this.#starts[home + 1] = (this.#starts[home + 1] ?? 0) + 1;
    for (let cell = 0; cell < cells * cells; cell += 1) {
      this.#starts[cell + 1] = (this.#starts[cell + 1] ?? 0) + (this.#starts[cell] ?? 0);
    }
    const free = this.#starts.slice();
    homes.forEach((home, index) => {
      const place = free[home] ?? 0;
      this.#indices[place] = index;
      free[home] = place + 1;
    });
  }

  /** The index of the nearest spot that fits, at most `within` away, or null. */
  nearest({ x, y }: Spot, within: number, fits: Fits = () => true): number | null {
    let best: number | null = null;
    let least = within * within;
    for (let row = this.#cell(y - within); row <= this.#cell(y + within); row += 1) {
      const first = this.#starts[row * this.#cells + this.#cell(x - within)] ?? 0;
      const end = this.#starts[row * this.#cells + this.#cell(x + within) + 1] ?? 0;
      for (let at = first; at < end; at += 1) {
        const index = this.#indices[at] as number;
        const spot = this.#spots[index] as Spot;
        const distance = (spot.x - x) ** 2 + (spot.y - y) ** 2;
        if (distance <= least && fits(index)) [best, least] = [index, distance];
      }
    }
    return best;
  }

  #cell(coordinate: number): number {
    return Math.min(this.#cells - 1, Math.max(0, Math.floor(((coordinate + 1) / 2) * this.#cells)));
  }
}

/** The index of the nearest spot within 45° of a direction, or null. */
export function toward(spots: readonly Spot[], from: number, direction: Spot, fits: Fits): number | null {
  const start = spots[from];
  if (!start) return null;
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  spots.forEach(({ x, y }, index) => {
    const along = (x - start.x) * direction.x + (y - start.y) * direction.y;
    const across = Math.abs((x - start.x) * direction.y - (y - start.y) * direction.x);
    const distance = along + across;
    if (along <= 0 || across > along || distance >= least || !fits(index)) return;
    [best, least] = [index, distance];
  });
  return best;
}
