import type { View } from "./view";

/** Items of a level that belong to one tile; level n has an item for every 4 ** n samples. */
export type TileName = { level: number; number: number };
/** A tile, and the stretch of the axis that is drawn from it. */
export type Part<Tile> = TileName & { tile: Tile; startS: number; endS: number };
/** What the service says of a picture's resolutions, the finest first. */
export type Levels = {
  samples: number;
  sample_rate_hz: number;
  tile_items: number;
  kept_level: number;
  detail_end_s: number;
  levels: readonly { level: number; tiles: number }[];
  /** The windows that frames can have, in samples, and the coarsest level with them. */
  windows?: readonly number[];
  windowed_level?: number;
};
type Load<Tile> = (name: TileName, signal: AbortSignal) => Promise<Tile>;

const FACTOR = 4;
const AT_ONCE = 4;

/** The seconds of an item. */
export function itemS(levels: Levels, level: number): number {
  return FACTOR ** level / levels.sample_rate_hz;
}

/** The coarsest level whose items are at most `mostPx` wide, else the finest one that can be read in view. */
export function levelFor(levels: Levels, view: View, width: number, mostPx: number): number {
  const readable = levels.levels.filter(({ level }) => level >= levels.kept_level || hasDetail(levels, view));
  const pxPerS = width / (view.endS - view.startS);
  const fine = readable.filter(({ level }) => itemS(levels, level) * pxPerS <= mostPx);
  return (fine.at(-1) ?? readable[0])?.level ?? levels.kept_level;
}

/** Whether levels finer than those that are kept can be read in all of a view. */
export function hasDetail({ samples, sample_rate_hz, detail_end_s }: Levels, view: View): boolean {
  // The recording may end a sample before or after the axis.
  return Math.min(view.endS, samples / sample_rate_hz) <= detail_end_s + 0.5 / sample_rate_hz;
}

/** The window that a tile is asked for with; undefined where it cannot have the chosen one. */
export function windowFor(levels: Levels, { level, number }: TileName, chosen: number | undefined): number | undefined {
  if (!chosen || !levels.windows?.includes(chosen) || level > (levels.windowed_level ?? -1)) return undefined;
  const tileS = itemS(levels, level) * levels.tile_items;
  return hasDetail(levels, { startS: number * tileS, endS: (number + 1) * tileS }) ? chosen : undefined;
}

/** The tiles of a level that have a part of a view. */
export function tilesIn(levels: Levels, level: number, view: View): TileName[] {
  const tileS = itemS(levels, level) * levels.tile_items;
  const last = (levels.levels.find((one) => one.level === level)?.tiles ?? 1) - 1;
  const end = Math.min(last, Math.ceil(view.endS / tileS - 1e-9) - 1);
  const found: TileName[] = [];
  for (let number = Math.min(last, Math.max(0, Math.floor(view.startS / tileS))); number <= end; number += 1) found.push({ level, number });
  return found;
}

/** What a view is drawn from: each wanted tile, or the finest coarser one that is there until it is loaded. */
export function parts<Tile>(levels: Levels, wanted: readonly TileName[], get: (name: TileName) => Tile | undefined): Part<Tile>[] {
  const coarsest = levels.levels.at(-1)?.level ?? 0;
  return wanted.flatMap((name) => {
    const tileS = itemS(levels, name.level) * levels.tile_items;
    const [startS, endS] = [name.number * tileS, (name.number + 1) * tileS];
    for (let { level, number } = name; level <= coarsest; level += 1, number = Math.floor(number / FACTOR)) {
      const tile = get({ level, number });
      if (tile !== undefined) return [{ level, number, tile, startS, endS }];
    }
    return [];
  });
}

/** Loads the tiles that are wanted, a few at a time, and keeps those that were drawn last. */
export class TileCache<Tile> {
  /** Is called when a tile was loaded, or could not be. */
  onChange: () => void = () => undefined;
  problem: unknown = null;
  readonly #load: Load<Tile>;
  readonly #most: number;
  readonly #tiles = new Map<string, Tile>();
  readonly #loading = new Map<string, AbortController>();
  readonly #failed = new Set<string>();
  #wanted: readonly TileName[] = [];

  constructor(load: Load<Tile>, most: number) {
    this.#load = load;
    this.#most = most;
  }

  readonly get = (name: TileName): Tile | undefined => {
    const key = keyOf(name);
    const found = this.#tiles.get(key);
    if (found === undefined) return undefined;
    this.#tiles.delete(key);
    this.#tiles.set(key, found);
    return found;
  };

  /** Whether the service has refused a tile, or it could not be read, when it was asked for last. */
  readonly hasFailed = (name: TileName): boolean => this.#failed.has(keyOf(name));

  get size(): number {
    return this.#tiles.size;
  }

  /** Loads these and stops loading any others. */
  want(names: readonly TileName[]): void {
    this.#wanted = names;
    const keys = new Set(names.map(keyOf));
    for (const [key, stop] of this.#loading) if (!keys.has(key)) stop.abort();
    this.#next();
  }

  close(): void {
    this.onChange = () => undefined;
    this.want([]);
  }

  #next(): void {
    for (const name of this.#wanted) {
      if (this.#loading.size >= AT_ONCE) return;
      if (!this.#tiles.has(keyOf(name)) && !this.#loading.has(keyOf(name))) void this.#start(name);
    }
  }

  async #start(name: TileName): Promise<void> {
    const stop = new AbortController();
    const key = keyOf(name);
    this.#loading.set(key, stop);
    try {
      this.#keep(key, await this.#load(name, stop.signal));
      this.#failed.delete(key);
      this.problem = null;
    } catch (error) {
      if (!stop.signal.aborted) {
        this.#wanted = this.#wanted.filter((one) => keyOf(one) !== key);
        this.#failed.add(key);
        this.problem = error;
      }
    } finally {
      this.#loading.delete(key);
      this.onChange();
      this.#next();
    }
  }

  #keep(key: string, tile: Tile): void {
    this.#tiles.set(key, tile);
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= this.#most) return;
      this.#tiles.delete(oldest);
    }
  }
}

function keyOf({ level, number }: TileName): string {
  return `${level}/${number}`;
}
