import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

/** An element's inner size in CSS pixels, kept up to date. */
export function useSize<T extends HTMLElement>(): [RefObject<T | null>, { width: number; height: number }] {
  const element = useRef<T>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return;
    const measure = () => setSize({ width: node.clientWidth, height: node.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}

/** Draws on a canvas, in CSS pixels, whenever its size or `draw` changes: a caller memoizes `draw`. */
export function useDrawing(
  canvas: RefObject<HTMLCanvasElement | null>,
  { width, height }: { width: number; height: number },
  draw: (context: CanvasRenderingContext2D) => void,
): void {
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || !width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context);
  }, [canvas, width, height, draw]);
}

/** Levels, 0 to 255, as a picture in the colours of a palette. Throws an `Error` without a 2D canvas. */
export function painted(levels: ArrayLike<number>, columns: number, rows: number, palette: Uint32Array): OffscreenCanvas {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser cannot draw");
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = palette[levels[at] ?? 0] ?? 0;
  context.putImageData(image, 0, 0);
  return canvas;
}
