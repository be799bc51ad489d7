import { useLocation } from "wouter";
import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { useDeleteTrack } from "../library/deleting";
import { Button, ErrorNote } from "../ui/controls";
import { announce } from "../ui/live";
import { libraryAddress } from "../ui/scrollPositions";
import { titleOf } from "../ui/tags";

/** Asks before a recording is deleted. The safe answer has the focus: Enter twice deletes nothing. */
export function Removal({ track, onCancel }: { track: Track; onCancel: () => void }) {
  const deletion = useDeleteTrack();
  const [, navigate] = useLocation();
  const remove = async () => {
    await deletion.mutateAsync(track.id);
    announce(`${titleOf(track)} is deleted.`);
    navigate(libraryAddress());
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".brand")?.focus());
  };
  return (
    <div className="stack">
      <p>The recording goes with its results, its labels and its links, for good.</p>
      {deletion.isError ? <ErrorNote>{errorText(deletion.error)}</ErrorNote> : null}
      <div className="row">
        <Button data-focused onClick={onCancel}>
          Cancel
        </Button>
        <Button disabled={deletion.isPending} onClick={() => void remove().catch(() => undefined)}>
          Delete
        </Button>
      </div>
    </div>
  );
}
