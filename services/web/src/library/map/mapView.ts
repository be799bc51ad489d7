/** A position on the map, x to the right, y upwards, both in [-1, 1]. */
export type Spot = { x: number; y: number };
/** A position on the plot, in CSS pixels from its upper left corner. */
export type Pixel = { left: number; top: number };
export type Size = { width: number; height: number };
export type Bounds = { left: number; right: number; bottom: number; top: number };
/** The extent of the map and the size of the plot. */
export type Frame = { bounds: Bounds; size: Size };
/** The visible part: its middle, and its zoom, 1 for the whole map. */
export type View = Spot & { zoom: number };

export const CLOSEST = 64;
const MARGIN_PX = 28;
const LEAST_EXTENT = 0.1;

export function boundsOf(spots: readonly Spot[]): Bounds {
  const found = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (const { x, y } of spots) {
    found.left = Math.min(found.left, x);
    found.right = Math.max(found.right, x);
    found.bottom = Math.min(found.bottom, y);
    found.top = Math.max(found.top, y);
  }
  return spots.length ? found : { left: -1, right: 1, bottom: -1, top: 1 };
}

export function whole({ left, right, bottom, top }: Bounds): View {
  return { x: (left + right) / 2, y: (bottom + top) / 2, zoom: 1 };
}

/** Pixels per unit of the map, the same for both axes. */
export function scaleOf({ zoom }: Pick<View, "zoom">, { bounds, size }: Frame): number {
  const across = Math.max(1, size.width - 2 * MARGIN_PX) / Math.max(LEAST_EXTENT, bounds.right - bounds.left);
  const up = Math.max(1, size.height - 2 * MARGIN_PX) / Math.max(LEAST_EXTENT, bounds.top - bounds.bottom);
  return zoom * Math.min(across, up);
}

export function toPixel(spot: Spot, view: View, frame: Frame): Pixel {
  const scale = scaleOf(view, frame);
  return {
    left: frame.size.width / 2 + (spot.x - view.x) * scale,
    top: frame.size.height / 2 - (spot.y - view.y) * scale,
  };
}

export function toSpot(pixel: Pixel, view: View, frame: Frame): Spot {
  const scale = scaleOf(view, frame);
  return {
    x: view.x + (pixel.left - frame.size.width / 2) / scale,
    y: view.y - (pixel.top - frame.size.height / 2) / scale,
  };
}

/** The view zoomed by a factor; the spot under a pixel stays where it is. */
export function zoomed(view: View, factor: number, around: Pixel, frame: Frame): View {
  const zoom = Math.min(CLOSEST, Math.max(1, view.zoom * factor));
  const spot = toSpot(around, view, frame);
  const scale = scaleOf({ zoom }, frame);
  return held(
    {
      x: spot.x - (around.left - frame.size.width / 2) / scale,
      y: spot.y + (around.top - frame.size.height / 2) / scale,
      zoom,
    },
    frame,
  );
}

/** The view after the map was moved by so many pixels. */
export function panned(view: View, right: number, down: number, frame: Frame): View {
  const scale = scaleOf(view, frame);
  return held({ ...view, x: view.x - right / scale, y: view.y + down / scale }, frame);
}

/** The nearest view in which a spot is well inside the plot. */
export function showing(view: View, spot: Spot, frame: Frame): View {
  const { left, top } = toPixel(spot, view, frame);
  const { width, height } = frame.size;
  return panned(view, inside(left, width) - left, inside(top, height) - top, frame);
}

export function isInside({ left, top }: Pixel, { width, height }: Size): boolean {
  return left >= 0 && left <= width && top >= 0 && top <= height;
}

/** A view between two others, `share` from 0 to 1, with zoom steps that look even. */
export function between(from: View, to: View, share: number): View {
  const zoom = from.zoom * (to.zoom / from.zoom) ** share;
  // A spot that is at the same pixel at both ends stays there in between.
  const way = from.zoom === to.zoom ? share : (1 / zoom - 1 / from.zoom) / (1 / to.zoom - 1 / from.zoom);
  return { x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way, zoom };
}

function inside(value: number, extent: number): number {
  const margin = Math.min(2 * MARGIN_PX, extent / 2);
  return Math.min(extent - margin, Math.max(margin, value));
}

/** The nearest view inside the map. */
function held(view: View, frame: Frame): View {
  const { bounds, size } = frame;
  const scale = scaleOf(view, frame);
  return {
    ...view,
    x: heldAxis(view.x, bounds.left, bounds.right, size.width / scale, MARGIN_PX / scale),
    y: heldAxis(view.y, bounds.bottom, bounds.top, size.height / scale, MARGIN_PX / scale),
  };
}

function heldAxis(middle: number, low: number, high: number, seen: number, margin: number): number {
  const least = low - margin + seen / 2;
  const most = high + margin - seen / 2;
  return least > most ? (low + high) / 2 : Math.min(most, Math.max(least, middle));
}
