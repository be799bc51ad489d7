import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { Button } from "../ui/controls";
import { announce } from "../ui/live";
import { titleOf } from "../ui/tags";
import { useDeleteTrack } from "./deleting";

type Props = { track: Track; onCancel: () => void; onGone: () => void };

/** Asks before a recording is deleted. The safe answer has the focus: Enter twice deletes nothing. */
export function Deletion({ track, onCancel, onGone }: Props) {
  const deletion = useDeleteTrack();
  const remove = async () => {
    await deletion.mutateAsync(track.id);
    announce(`${titleOf(track)} is deleted.`);
    onGone();
  };
  return (
    <span
      className="track__sure"
      role="alertdialog"
      aria-label={`Delete ${titleOf(track)}?`}
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
    >
      <span className="clip">{deletion.isError ? errorText(deletion.error) : "Delete the recording and its results?"}</span>
      <Button disabled={deletion.isPending} onClick={() => void remove().catch(() => undefined)}>
        Delete
      </Button>
      <Button autoFocus onClick={onCancel}>
        Keep
      </Button>
    </span>
  );
}
