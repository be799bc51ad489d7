import { taskText } from "../../api/taskText";
import { useMayWrite, Writes } from "../../state/mayWrite";
import { ErrorNote, Button, ProgressBar } from "../../ui/controls";
import { type Drawing, type LibraryMap, useMapDrawing } from "./queries";
import { useRedrawing } from "./redrawing";
import { missingText, silentText } from "./text";

/** What the map does not show yet, and a button that draws it, for those who may write. */
export function MapStatus({ map, idle }: { map: LibraryMap; idle: boolean }) {
  const drawing = useMapDrawing(map.model, map.job_id ?? null);
  useRedrawing(map, drawing, useMayWrite() && idle);
  if (drawing.pending) return <UnderWay drawing={drawing} />;
  if (drawing.problem) return <ErrorNote action={<Draw drawing={drawing}>Try again</Draw>}>{drawing.problem}</ErrorNote>;
  const missing = missingText(map);
  if (missing) {
    return (
      <div className="note">
        <span>{missing}</span>
        <Draw drawing={drawing} main={!map.drawn_at}>
          {map.drawn_at ? "Redraw the map" : "Draw the map"}
        </Draw>
      </div>
    );
  }
  const silent = silentText(map);
  if (map.points?.length) return silent ? <p className="quiet small">{silent}</p> : null;
  return <Nothing silent={silent} />;
}

function Draw({ drawing, main = false, children }: { drawing: Drawing; main?: boolean; children: string }) {
  return (
    <Writes>
      <Button main={main} onClick={drawing.draw}>
        {children}
      </Button>
    </Writes>
  );
}

function UnderWay({ drawing: { job } }: { drawing: Drawing }) {
  const task = job?.tasks[0];
  const words = task && task.status !== "succeeded" ? taskText(task) : "starting";
  return (
    <div className="note" role="status">
      <span>{words.charAt(0).toUpperCase() + words.slice(1)}</span>
      {task?.progress ? (
        <div className="map__progress">
          <ProgressBar share={task.progress} label="Drawing the map" />
        </div>
      ) : null}
    </div>
  );
}

function Nothing({ silent }: { silent: string | null }) {
  return (
    <div className="empty">
      {silent ? <p>{silent}</p> : null}
      <p>The map is empty: no recording has an embedding yet.</p>
      <Writes>
        <p>
          Recordings that you add above get one. For another recording, open it and press “Compare with other recordings”, or run
          the task <code>embed</code>.
        </p>
      </Writes>
    </div>
  );
}
