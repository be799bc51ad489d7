import type { Track } from "../api/client";
import { Button } from "../ui/controls";
import type { useSelection } from "./useSelection";

type Props = {
  /** Those that were read. */
  tracks: readonly Track[];
  selection: ReturnType<typeof useSelection>;
  /** How many match, null where that is not known; undefined where the list has read them all. */
  count: number | null | undefined;
};

/** Selects what the list has read, or none; and all that match where it has not read them all. */
export function SelectAll({ tracks, selection, count }: Props) {
  const { chosen, select, selectEvery, isEvery, read, problem } = selection;
  const none = chosen.length >= tracks.length;
  return (
    <>
      <Button onClick={() => select(new Set(none ? [] : tracks.map(({ id }) => id)))}>{none ? "Select none" : `Select all ${tracks.length} shown`}</Button>
      {count === undefined || isEvery ? null : (
        <Button disabled={read !== null} onClick={selectEvery}>
          {read === null ? everyText(count) : `Selecting: ${read.toLocaleString("en-GB")} …`}
        </Button>
      )}
      {problem ? <span role="alert">{problem}</span> : null}
    </>
  );
}

function everyText(count: number | null): string {
  return count === null ? "Select all that match" : `Select all ${count.toLocaleString("en-GB")} that match`;
}
