import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Link, useLocation } from "wouter";
import { useTheme } from "../../ui/theme";
import { useSize } from "../../ui/canvas";
import { Button } from "../../ui/controls";
import { time } from "../../ui/format";
import { announce } from "../../ui/live";
import { labelOrWhy } from "../../state/labelOrWhy";
import type { MapPoint } from "./queries";
import type { Atlas, Filter } from "./atlas";
import { useGestures } from "./gestures";
import { useHoverSound, useSoundSwitch } from "./hoverSound";
import { isWithin, useLasso } from "./lasso";
import { mapTheme } from "./mapTheme";
import { handleKey, middleOf, ZOOM_STEP } from "./mapKeys";
import { type Frame, type Pixel, scaleOf, showing, type Size, toPixel, toSpot, whole, zoomed } from "./mapView";
import type { Viewport } from "./viewport";
import { Painter, radiusOf, type Scene } from "./paint";
import { nameOf, pointText, summaryText } from "./text";

const REACH_PX = 6;
const FINGER_PX = 22;
const HOW = "Map. Arrow keys move it, plus and minus zoom; Shift and an arrow go to the next recording, Enter opens it.";

type Props = {
  atlas: Atlas;
  filter: Filter;
  label: string | null;
  viewport: Viewport;
  /** The indices of the selected recordings. */
  chosen: readonly number[];
  onChoose: (indices: readonly number[]) => void;
  onSize: (size: Size) => void;
};
type Shown = { index: number; by: "mouse" | "keys" | "touch" };

/** The recordings as dots: pan and zoom, show a card, play, draw a line around some, open one. */
export function MapPlot({ atlas, filter, label, viewport, chosen, onChoose, onSize }: Props) {
  const [box, size] = useSize<HTMLDivElement>();
  const theme = useTheme();
  const [sound, setSound] = useSoundSwitch();
  const [drawing, setDrawing] = useState(false);
  const [shown, setShown] = useState<Shown | null>(null);
  const [, navigate] = useLocation();
  const frame = useMemo(() => ({ bounds: atlas.bounds, size }), [atlas.bounds, size]);
  const point = shown && filter.fits(shown.index) ? atlas.points[shown.index] : undefined;
  useEffect(() => onSize(size), [size, onSize]);
  const current = point && shown ? shown.index : null;
  const lit = point?.label ?? label;
  const { view } = viewport;
  const scene = useMemo(() => ({ atlas, filter, view, frame, lit, shown: current, chosen }), [atlas, filter, view, frame, lit, current, chosen]);
  useHoverSound(point?.track_id ?? null, sound);

  const open = (opened: MapPoint | undefined) => opened && navigate(`/tracks/${opened.track_id}`);
  const at = (pixel: Pixel, reach: number) => {
    const within = (radiusOf(atlas.points.length, frame, viewport.view.zoom) + reach) / scaleOf(viewport.view, frame);
    return atlas.grid.nearest(toSpot(pixel, viewport.view, frame), within, filter.fits);
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
    viewport.move((view) => showing(view, next, frame));
    announce(pointText(next, atlas.model));
  };
  const gestures = useGestures(box, frame, viewport, pick, hover);
  const lasso = useLasso(drawing, (corners) => {
    setDrawing(false);
    onChoose([...atlas.points.keys()].filter((index) => filter.fits(index) && isWithin(toPixel(atlas.points[index] as MapPoint, view, frame), corners)));
  });
  const keys = { atlas, filter, frame, viewport, shown: current, show: step, open: () => open(point) };
  return (
    <div className={`map__room ${viewport.view.zoom > 1 ? "map__room--close" : ""} ${drawing ? "map__room--lasso" : point ? "map__room--aimed" : ""}`}>
      <div
        ref={box}
        className="map__plot"
        role="application"
        tabIndex={0}
        aria-label={HOW}
        onKeyDown={(event) => handleKey(event, keys) && event.preventDefault()}
        {...(lasso.handlers ?? gestures)}
      >
        <Picture key={theme} scene={scene} />
      </div>
      {lasso.path.length ? (
        <svg className="map__lasso" aria-hidden="true">
          <polygon points={lasso.path.map(({ left, top }) => `${left},${top}`).join(" ")} />
        </svg>
      ) : null}
      <div className="map__tools" role="group" aria-label="Map tools">
        <Button aria-pressed={sound} onClick={() => setSound(!sound)}>
          Sound
        </Button>
        <Button
          aria-pressed={drawing}
          onClick={() => {
            setShown(null);
            setDrawing(!drawing);
          }}
        >
          Lasso
        </Button>
      </div>
      <Zoom viewport={viewport} frame={frame} />
      {point && shown ? <Card point={point} model={atlas.model} by={shown.by} at={toPixel(point, viewport.view, frame)} size={size} /> : null}
    </div>
  );
}

/** The scene on a canvas, in the colours of the theme in which it was first shown. */
function Picture({ scene }: { scene: Scene }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const ratio = useSyncExternalStore(onPixelRatio, () => window.devicePixelRatio || 1);
  useEffect(() => {
    const context = canvas.current?.getContext("2d", { alpha: false, willReadFrequently: true });
    painter.current = context ? new Painter(context, mapTheme(context.canvas)) : null;
  }, []);
  useEffect(() => {
    if (scene.frame.size.width && scene.frame.size.height) painter.current?.paint(scene, ratio);
  }, [scene, ratio]);
  return <canvas ref={canvas} role="img" aria-label={summaryText(scene.atlas)} />;
}

/** Subscribes to the pixel ratio, which changes with the screen and the browser's zoom. */
function onPixelRatio(changed: () => void): () => void {
  const query = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  query.addEventListener("change", changed);
  window.addEventListener("resize", changed);
  return () => {
    query.removeEventListener("change", changed);
    window.removeEventListener("resize", changed);
  };
}

function Zoom({ viewport, frame }: { viewport: Viewport; frame: Frame }) {
  const by = (factor: number) => viewport.glide((view) => zoomed(view, factor, middleOf(frame.size), frame));
  return (
    <div className="map__zoom" role="group" aria-label="Zoom">
      <Button aria-label="Zoom in" title="Zoom in" onClick={() => by(ZOOM_STEP)}>
        +
      </Button>
      <Button aria-label="Zoom out" title="Zoom out" disabled={viewport.view.zoom <= 1} onClick={() => by(1 / ZOOM_STEP)}>
        −
      </Button>
      <Button disabled={viewport.view.zoom <= 1} onClick={() => viewport.glide(() => whole(frame.bounds))}>
        Whole map
      </Button>
    </div>
  );
}

/** The recording's name beside its dot. A mouse clicks through it; a second tap on it opens the recording. */
function Card({ point, model, by, at, size }: { point: MapPoint; model: string | null; by: Shown["by"]; at: Pixel; size: Size }) {
  const sides = `${at.left > size.width / 2 ? "map__card--left" : ""} ${at.top > size.height / 2 ? "map__card--above" : ""}`;
  return (
    <Link
      href={`/tracks/${point.track_id}`}
      tabIndex={-1}
      className={`map__card ${sides} ${by === "mouse" ? "map__card--light" : ""}`}
      style={{ left: at.left, top: at.top }}
    >
      <span className="clip">{nameOf(point)}</span>
      <span className="small quiet clip">
        {labelOrWhy(point, model)} · {time(point.duration_s, 0)}
      </span>
    </Link>
  );
}
