import { useEffect, useMemo, useRef, useState } from "react";
import { inWords } from "../api/problem";
import type { NumberArray } from "../sound/arrays";
import { spectrogramPalette } from "../sound/colours";
import { BadNote, Button, IconButton, Skeleton } from "../ui/controls";
import { Dialog } from "../ui/Dialog";
import { time, words } from "../ui/format";
import { painted } from "../ui/canvas";
import { useAsk } from "../state/ask";
import { useTrackState } from "../state/TrackStateProvider";
import { useArrays } from "./queries";
import type { Features } from "../state/results";

type Arrays = Map<string, NumberArray>;

/** What each depth of the network sees: the mean of its channels, and on a click the strongest one by one. */
export default function FeatureMaps({ trackId }: { trackId: string }) {
  const features = useTrackState().state.result("features");
  const { ask, asking, problem } = useAsk(trackId);
  const arrays = useArrays(features?.arrays);
  const [open, setOpen] = useState<string | null>(null);
  if (!features) {
    return (
      <div className="stack">
        {problem ? <BadNote>{problem}</BadNote> : null}
        <div>
          <Button disabled={asking} onClick={() => ask({ tasks: ["features"] })}>
            {asking ? "Looking …" : "Look inside"}
          </Button>
        </div>
      </div>
    );
  }
  if (arrays.isError) return <BadNote>{inWords(arrays.error)}</BadNote>;
  if (!arrays.data) return <Skeleton height={200} />;
  const layer = features.layers.find(({ name }) => name === open);
  return (
    <>
      <p className="small quiet">
        {time(features.start_s)} – {time(features.end_s)}, where {words(features.label)} is strongest; time goes right,
        frequency up.
      </p>
      <ol className="depths">
        {features.layers.map(({ name, shape }) => (
          <li key={name}>
            <button type="button" className="depth" title="Enlarge it and step through its channels" onClick={() => setOpen(name)}>
              <MapPicture arrays={arrays.data} name={`${name}.mean`} place={0} />
              <span>{name}</span>
              <span className="small quiet">{shape.join(" × ")}</span>
            </button>
          </li>
        ))}
      </ol>
      {layer ? <Channels arrays={arrays.data} layer={layer} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

function Channels({ arrays, layer, onClose }: { arrays: Arrays; layer: Features["layers"][number]; onClose: () => void }) {
  const [at, setAt] = useState(0);
  const count = layer.channels.length + 1;
  const step = (by: number) => setAt((from) => (from + by + count) % count);
  useStepKeys(step);
  const caption = at === 0 ? "the mean of all channels" : `channel ${layer.channels[at - 1]}, ${at} of ${count - 1}`;
  return (
    <Dialog title={layer.name} onClose={onClose}>
      <figure className="channel">
        <MapPicture arrays={arrays} name={at === 0 ? `${layer.name}.mean` : `${layer.name}.strongest`} place={Math.max(0, at - 1)} />
        <figcaption className="row spread">
          <IconButton icon="back" label="The channel before" onClick={() => step(-1)} />
          <span role="status">{caption}</span>
          <IconButton icon="next" label="The next channel" onClick={() => step(1)} />
        </figcaption>
      </figure>
    </Dialog>
  );
}

/** Arrow keys, which the page's own keys leave to an open dialog. */
function useStepKeys(step: (by: number) => void): void {
  const latest = useRef(step);
  latest.current = step;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) latest.current(by);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}

/** A map on its own scale, low frequencies at the bottom. */
function MapPicture({ arrays, name, place }: { arrays: Arrays; name: string; place: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useMemo(() => mapOf(arrays, name, place), [arrays, name, place]);
  useEffect(() => {
    if (!canvas.current || !map) return;
    canvas.current.width = map.columns;
    canvas.current.height = map.rows;
    canvas.current.getContext("2d")?.drawImage(painted(map.levels, map.columns, map.rows, spectrogramPalette(0)), 0, 0);
  }, [map]);
  return <canvas ref={canvas} className="map" role="img" aria-label={name.replace(".", ", ")} />;
}

function mapOf(arrays: Arrays, name: string, place: number): { levels: Uint8Array; columns: number; rows: number } | null {
  const found = arrays.get(name);
  if (!found) return null;
  const [rows = 0, columns = 0] = found.shape.slice(-2);
  const values = found.values.subarray(place * rows * columns, (place + 1) * rows * columns);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const levels = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = values[row * columns + column] ?? low;
      levels[(rows - 1 - row) * columns + column] = Math.round(((value - low) / span) * 255);
    }
  }
  return { levels, columns, rows };
}
