import { labelText } from "../../ui/format";
import type { Atlas, Filter } from "./atlas";
import { Dots, type Packed, type Stamp, stampOf } from "./dots";
import type { MapTheme } from "./mapTheme";
import { type Frame, scaleOf, toPixel, type View } from "./mapView";
import { lifted, type Named, placed } from "./labelNames";

export type Scene = {
  atlas: Atlas;
  filter: Filter;
  view: View;
  frame: Frame;
  /** The highlighted label, and the index of the current recording. */
  lit: string | null;
  shown: number | null;
  /** The indices of the selected recordings. */
  chosen: readonly number[];
};

const ROOM = 0.32;
const SMALLEST_PX = 2;
const LARGEST_PX = 6.5;
const LARGEST_SHARE = 0.014;

/** Draws the map on a canvas, in the colours of one theme. */
export class Painter {
  readonly #context: CanvasRenderingContext2D;
  readonly #look: MapTheme;
  readonly #stamps = new Map<string, Stamp>();
  #dots = new Dots(1, 1);

  constructor(context: CanvasRenderingContext2D, look: MapTheme) {
    this.#context = context;
    this.#look = look;
  }

  /** Paints the scene; `ratio` is device pixels per CSS pixel. */
  paint(scene: Scene, ratio: number): void {
    const { width, height } = scene.frame.size;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    const { canvas } = this.#context;
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== down) canvas.height = down;
    if (this.#dots.width !== across || this.#dots.height !== down) this.#dots = new Dots(across, down);
    this.#paintDots(scene, ratio);
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#paintNames(scene);
    this.#paintChosen(scene);
    this.#paintShown(scene);
  }

  /** Paints faint dots first and highlighted ones last. */
  #paintDots({ atlas, filter, view, frame, lit }: Scene, ratio: number): void {
    const dots = this.#dots;
    const scale = scaleOf(view, frame) * ratio;
    const [middleX, middleY] = [dots.width / 2, dots.height / 2];
    const radius = radiusOf(atlas.points.length, frame, view.zoom) * ratio;
    const drawAll = (members: Iterable<number>, colour: Packed, fitting: boolean) => {
      const stamp = this.#stamp(radius, colour);
      for (const index of members) {
        const point = atlas.points[index];
        if (!point || filter.fits(index) !== fitting) continue;
        dots.draw(middleX + (point.x - view.x) * scale, middleY - (point.y - view.y) * scale, stamp);
      }
    };
    dots.clear(this.#look.groundDot);
    if (filter.count < atlas.points.length) drawAll(atlas.points.keys(), this.#look.faintDot, false);
    drawAll(atlas.unlabelled, this.#look.unlabelledDot, true);
    atlas.names.forEach(({ label, members }, rank) => {
      if (label !== lit) drawAll(members, this.#look.labelDot(rank), true);
    });
    drawAll(atlas.names.find(({ label }) => label === lit)?.members ?? [], this.#look.accentDot, true);
    this.#context.putImageData(new ImageData(dots.bytes, dots.width, dots.height), 0, 0);
  }

  #paintNames({ atlas, filter, view, frame, lit }: Scene): void {
    const context = this.#context;
    context.font = this.#look.font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = this.#look.ground;
    const scale = scaleOf(view, frame);
    const radius = radiusOf(atlas.points.length, frame, view.zoom);
    const nameOf = (name: Named) => {
      const { width } = context.measureText(labelText(name.label));
      return { label: name.label, at: toPixel(name.middle, view, frame), lift: lifted(name, scale, radius), width };
    };
    const wanted = atlas.names
      .filter(({ members }) => members.some(filter.fits))
      .sort((a, b) => Number(b.label === lit) - Number(a.label === lit))
      .map(nameOf);
    for (const { label, at } of placed(wanted, frame.size)) {
      context.strokeText(labelText(label), at.left, at.top);
      context.fillStyle = label === lit ? this.#look.accentText : this.#look.text;
      context.fillText(labelText(label), at.left, at.top);
    }
  }

  #paintChosen({ atlas, view, frame, chosen }: Scene): void {
    const context = this.#context;
    const radius = radiusOf(atlas.points.length, frame, view.zoom) + 2;
    context.beginPath();
    for (const index of chosen) {
      const point = atlas.points[index];
      if (!point) continue;
      const { left, top } = toPixel(point, view, frame);
      context.moveTo(left + radius, top);
      context.arc(left, top, radius, 0, 2 * Math.PI);
    }
    context.strokeStyle = this.#look.text;
    context.lineWidth = 1.5;
    context.stroke();
  }

  #paintShown({ atlas, view, frame, shown }: Scene): void {
    const point = shown === null ? undefined : atlas.points[shown];
    if (!point) return;
    const { left, top } = toPixel(point, view, frame);
    const radius = radiusOf(atlas.points.length, frame, view.zoom);
    const context = this.#context;
    context.beginPath();
    context.arc(left, top, radius + 3, 0, 2 * Math.PI);
    context.fillStyle = this.#look.accent;
    context.strokeStyle = this.#look.text;
    context.lineWidth = 2;
    context.fill();
    context.stroke();
  }

  #stamp(radius: number, colour: Packed): Stamp {
    const key = `${radius} ${colour}`;
    const stamp = this.#stamps.get(key) ?? stampOf(radius, colour, this.#look.groundDot);
    this.#stamps.set(key, stamp);
    return stamp;
  }
}

/** The radius of a dot in CSS pixels: larger with fewer points, a larger plot and more zoom. */
export function radiusOf(points: number, { size: { width, height } }: Frame, zoom: number): number {
  const radius = ROOM * Math.sqrt((width * height) / Math.max(1, points)) * zoom ** 0.3;
  const largest = Math.min(LARGEST_PX, LARGEST_SHARE * Math.min(width, height));
  return Math.round(2 * Math.min(largest, Math.max(SMALLEST_PX, radius))) / 2;
}
