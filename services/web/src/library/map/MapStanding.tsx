import { taskInWords } from "../../api/words";
import { BadNote, Button } from "../../ui/controls";
import { type Drawing, type LibraryMap, useMapDrawing } from "./queries";
import { missingInWords } from "./words";

/** What the map lacks, and how it is drawn, now or anew. */
export function MapStanding({ map }: { map: LibraryMap }) {
  const drawing = useMapDrawing(map.job_id ?? null);
  if (drawing.pending) return <UnderWay drawing={drawing} />;
  if (drawing.problem) return <BadNote action={<Button onClick={drawing.draw}>Try again</Button>}>{drawing.problem}</BadNote>;
  const missing = missingInWords(map);
  if (missing) {
    return (
      <div className="note">
        <span>{missing}</span>
        <Button main={!map.drawn_at} onClick={drawing.draw}>
          {map.drawn_at ? "Draw it anew" : "Draw the map"}
        </Button>
      </div>
    );
  }
  return map.points?.length ? null : <Nothing />;
}

function UnderWay({ drawing: { job } }: { drawing: Drawing }) {
  const task = job?.tasks[0];
  const words = task && task.status !== "succeeded" ? taskInWords(task) : "asking for the map";
  return (
    <div className="note" role="status">
      {words.charAt(0).toUpperCase() + words.slice(1)}
    </div>
  );
}

function Nothing() {
  return (
    <div className="empty">
      <p>There is nothing to place on a map: no recording has been compared by its sound yet.</p>
      <p>
        Recordings that you add above are. For one that came another way, open it and press “Place it among the others”, or ask for
        its task <code>embed</code>.
      </p>
    </div>
  );
}
