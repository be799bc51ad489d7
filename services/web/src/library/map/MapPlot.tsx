import { type RefObject, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Link, useLocation } from "wouter";
import { useTheme } from "../../ui/theme";
import { useSize } from "../../ui/canvas";
import { Button } from "../../ui/controls";
import { time, words } from "../../ui/format";
import { announce } from "../../ui/live";
import type { MapPoint } from "./queries";
import type { Atlas, Filter } from "./atlas";
import { useGestures } from "./gestures";
import { lookOf } from "./look";
import { handleKey, middleOf, ZOOM_STEP } from "./mapKeys";
import { type Frame, type Pixel, scaleOf, showing, type Size, toPixel, toSpot, whole, zoomed } from "./mapView";
import type { Moving } from "./moving";
import { Painter, radiusOf, type Scene } from "./paint";
import { pointInWords, summaryOf } from "./words";

const REACH_PX = 6;
const FINGER_PX = 22;
const HOW = "Map. Arrow keys move it, plus and minus zoom; with Shift the arrows go from recording to recording, Enter opens one.";

type Props = { atlas: Atlas; filter: Filter; label: string | null; moving: Moving; onSize: (size: Size) => void };
type Shown = { index: number; by: "mouse" | "keys" | "touch" };

/** The recordings as dots, which can be moved, looked at and opened. */
export function MapPlot({ atlas, filter, label, moving, onSize }: Props) {
  const [box, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const [, navigate] = useLocation();
  const frame = useMemo(() => ({ bounds: atlas.bounds, size }), [atlas.bounds, size]);
  const point = shown && filter.fits(shown.index) ? atlas.points[shown.index] : undefined;
  useEffect(() => onSize(size), [size, onSize]);
  usePainting(canvas, { atlas, filter, view: moving.view, frame, lit: point?.label ?? label, shown: point && shown ? shown.index : null });

  const open = (opened: MapPoint | undefined) => opened && navigate(`/tracks/${opened.track_id}`);
  const at = (pixel: Pixel, reach: number) => {
    const within = (radiusOf(atlas.points.length, frame, moving.view.zoom) + reach) / scaleOf(moving.view, frame);
    return atlas.grid.nearest(toSpot(pixel, moving.view, frame), within, filter.fits);
  };
  const pick = (pixel: Pixel, touch: boolean) => {
    const index = at(pixel, touch ? FINGER_PX : REACH_PX);
    if (index === null || (touch && shown?.index !== index)) setShown(index === null ? null : { index, by: "touch" });
    else open(atlas.points[index]);
  };
  const hover = (pixel: Pixel | null) => {
    const index = pixel && at(pixel, REACH_PX);
    if (index === null) setShown((before) => (before?.by === "mouse" ? null : before));
    else if (index !== shown?.index) setShown({ index, by: "mouse" });
  };
  const step = (index: number | null) => {
    const next = index === null ? undefined : atlas.points[index];
    setShown(index === null ? null : { index, by: "keys" });
    if (!next) return;
    moving.move((view) => showing(view, next, frame));
    announce(pointInWords(next));
  };
  const gestures = useGestures(box, frame, moving, pick, hover);
  const keys = { atlas, filter, frame, moving, shown: point && shown ? shown.index : null, show: step, open: () => open(point) };
  return (
    <div className={`map__room ${moving.view.zoom > 1 ? "map__room--close" : ""} ${point ? "map__room--aimed" : ""}`}>
      <div
        ref={box}
        className="map__plot"
        role="application"
        tabIndex={0}
        aria-label={HOW}
        onKeyDown={(event) => handleKey(event, keys) && event.preventDefault()}
        {...gestures}
      >
        <canvas ref={canvas} role="img" aria-label={summaryOf(atlas)} />
      </div>
      <Zoom moving={moving} frame={frame} />
      {point && shown ? <Card point={point} by={shown.by} at={toPixel(point, moving.view, frame)} size={size} /> : null}
    </div>
  );
}

/** Anew whenever something has changed. */
function usePainting(canvas: RefObject<HTMLCanvasElement | null>, scene: Scene): void {
  const theme = useTheme();
  const ratio = useSyncExternalStore(onPixelRatio, () => window.devicePixelRatio || 1);
  const painter = useRef<Painter | null>(null);
  const { atlas, filter, view, frame, lit, shown } = scene;
  useEffect(() => {
    const context = canvas.current?.getContext("2d", { alpha: false, willReadFrequently: true });
    painter.current = context ? new Painter(context, lookOf(context.canvas)) : null;
  }, [canvas, theme]);
  useEffect(() => {
    if (frame.size.width && frame.size.height) painter.current?.paint(scene, ratio);
  }, [atlas, filter, view, frame, lit, shown, theme, ratio]);
}

/** It changes when the window goes to another screen, and when the page is magnified. */
function onPixelRatio(changed: () => void): () => void {
  const query = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  query.addEventListener("change", changed);
  window.addEventListener("resize", changed);
  return () => {
    query.removeEventListener("change", changed);
    window.removeEventListener("resize", changed);
  };
}

function Zoom({ moving, frame }: { moving: Moving; frame: Frame }) {
  const by = (factor: number) => moving.glide((view) => zoomed(view, factor, middleOf(frame.size), frame));
  return (
    <div className="map__zoom" role="group" aria-label="Zoom">
      <Button aria-label="Zoom in" title="Zoom in" onClick={() => by(ZOOM_STEP)}>
        +
      </Button>
      <Button aria-label="Zoom out" title="Zoom out" disabled={moving.view.zoom <= 1} onClick={() => by(1 / ZOOM_STEP)}>
        −
      </Button>
      <Button disabled={moving.view.zoom <= 1} onClick={() => moving.glide(() => whole(frame.bounds))}>
        Whole
      </Button>
    </div>
  );
}

/** Beside the dot; under a mouse it lets clicks through, for a finger it is the way to the recording. */
function Card({ point, by, at, size }: { point: MapPoint; by: Shown["by"]; at: Pixel; size: Size }) {
  const sides = `${at.left > size.width / 2 ? "map__card--left" : ""} ${at.top > size.height / 2 ? "map__card--above" : ""}`;
  return (
    <Link
      href={`/tracks/${point.track_id}`}
      tabIndex={-1}
      className={`map__card ${sides} ${by === "mouse" ? "map__card--light" : ""}`}
      style={{ left: at.left, top: at.top }}
    >
      <span className="clip">{point.filename}</span>
      <span className="small quiet clip">
        {point.label ? words(point.label) : "unknown"} · {time(point.duration_s, 0)}
      </span>
    </Link>
  );
}
