import { errorText } from "../api/problem";
import { Button, ErrorNote } from "../ui/controls";
import { counted } from "./words";
import type { Outbox, Waiting } from "./outbox";

/** The answers that the service does not have yet, and those that it refused. */
export function Unsent({ outbox, waiting: { changes, failing, refused } }: { outbox: Outbox; waiting: Waiting }) {
  const undone = changes.filter(({ before }) => before).length;
  const said = changes.length - undone;
  return (
    <>
      {failing !== null && changes.length ? (
        <div className="note" role="status">
          <span>
            {said ? `${counted(said, "answer")} could not be sent. ${said === 1 ? "It is" : "They are"} kept in this browser and sent again; you can go on. ` : ""}
            {undone ? `${counted(undone, "answer")} that you took back may have been saved: that is undone as soon as the service can be reached.` : ""}
          </span>
          <Button onClick={() => void outbox.flush()}>Send now</Button>
        </div>
      ) : null}
      {refused.map(({ change, why }) => (
        <ErrorNote
          key={change.id}
          action={
            <span className="row">
              <Button onClick={() => outbox.retry(change.id)}>Try again</Button>
              <Button onClick={() => outbox.dismiss(change.id)}>Drop it</Button>
            </span>
          }
        >
          The answer about {change.filename} was refused: {errorText(why)}
        </ErrorNote>
      ))}
    </>
  );
}
