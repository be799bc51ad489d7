import { useEffect, useMemo, useRef, useState } from "react";
import { errorText } from "../api/problem";
import type { NumberArray } from "../sound/arrays";
import { spectrogramPalette } from "../sound/colours";
import { ErrorNote, Button, IconButton, Skeleton } from "../ui/controls";
import { Dialog } from "../ui/Dialog";
import { time, labelText } from "../ui/format";
import { painted } from "../ui/canvas";
import { Writes } from "../state/mayWrite";
import { useSubmit } from "../state/submit";
import { useTrackState } from "../state/TrackStateProvider";
import { useArrays } from "./queries";
import type { ResultOf } from "../state/results";

type Arrays = Map<string, NumberArray>;

/** Feature maps of each layer: the mean of its channels, and on a click its strongest channels one by one. */
export default function FeatureMaps({ trackId }: { trackId: string }) {
  const { state } = useTrackState();
  const features = state.result("features");
  const { submit, submitting, problem } = useSubmit(trackId);
  const arrays = useArrays(features?.arrays);
  const [open, setOpen] = useState<string | null>(null);
  if (!features) {
    return (
      <div className="stack">
        {problem ? <ErrorNote>{problem}</ErrorNote> : null}
        {state.isGoing("features") && !submitting ? (
          <p className="quiet">The feature maps are being computed.</p>
        ) : (
          <Writes otherwise={<p className="quiet">The feature maps have not been computed.</p>}>
            <div>
              <Button disabled={submitting} onClick={() => submit({ tasks: ["features"] })}>
                {submitting ? "Computing …" : "Show the feature maps"}
              </Button>
            </div>
          </Writes>
        )}
      </div>
    );
  }
  if (arrays.isError) return <ErrorNote>{errorText(arrays.error)}</ErrorNote>;
  if (!arrays.data) return <Skeleton height={200} />;
  const layer = features.layers.find(({ name }) => name === open);
  return (
    <>
      <p className="small quiet">
        {time(features.start_s)} – {time(features.end_s)}, where {labelText(features.label)} is most probable; time goes
        right, frequency up.
      </p>
      <ol className="depths">
        {features.layers.map(({ name, shape }) => (
          <li key={name}>
            <button type="button" className="depth" title="Enlarge this layer and step through its channels" onClick={() => setOpen(name)}>
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

function Channels({ arrays, layer, onClose }: { arrays: Arrays; layer: ResultOf<"features">["layers"][number]; onClose: () => void }) {
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
          <IconButton icon="back" label="Previous channel" onClick={() => step(-1)} />
          <span role="status">{caption}</span>
          <IconButton icon="next" label="Next channel" onClick={() => step(1)} />
        </figcaption>
      </figure>
    </Dialog>
  );
}

/** Handles arrow keys. The page's own keys are off while a dialog is open. */
function useStepKeys(step: (by: number) => void): void {
  const latest = useRef(step);
  latest.current = step;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) latest.current(by);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** A feature map scaled to its own range, low frequencies at the bottom. */
function MapPicture({ arrays, name, place }: { arrays: Arrays; name: string; place: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useMemo(() => mapOf(arrays, name, place), [arrays, name, place]);
  useEffect(() => {
    if (!canvas.current || !map) return;
    canvas.current.width = map.columns;
    canvas.current.height = map.rows;
    canvas.current.getContext("2d")?.drawImage(painted(map.levels, map.columns, map.rows, spectrogramPalette(0)), 0, 0);
  }, [map]);
  return <canvas ref={canvas} className="feature-map" role="img" aria-label={name.replace(".", ", ")} />;
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
