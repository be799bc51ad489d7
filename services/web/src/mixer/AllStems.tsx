import { useState } from "react";
import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { Button, ErrorNote } from "../ui/controls";
import { shownFilename } from "../ui/format";
import { downloadAll } from "./queries";

/** Downloads all stems in a ZIP file. */
export function AllStems({ track }: { track: Track }) {
  const [refused, setRefused] = useState<string | null>(null);
  return (
    <>
      <Button
        icon="download"
        onClick={() => {
          setRefused(null);
          downloadAll(track.id, shownFilename(track)).catch((error: unknown) => setRefused(errorText(error)));
        }}
      >
        All stems (ZIP)
      </Button>
      {refused ? <ErrorNote>{refused}</ErrorNote> : null}
    </>
  );
}
