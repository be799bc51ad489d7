import { useMutation } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import type { LibraryView } from "./libraryView";
import { everyMatch, filtersOf } from "./queries";

/** What can be selected: a recording of the list, or one that is known by its name alone. */
export type Item = Track | { id: string; filename: string };

/**
 * What is selected of the list's recordings, and of those that match and were not read yet.
 *
 * `selected` has the ids, and is null while nothing is being selected, as at first unless `open`.
 */
export function useSelection(view: LibraryView, tracks: readonly Track[], open: boolean) {
  const [selected, setSelected] = useState<ReadonlySet<string> | null>(open ? new Set() : null);
  const [every, setEvery] = useState<{ of: string; items: readonly Item[] } | null>(null);
  const [read, setRead] = useState(0);
  const stop = useRef(new AbortController());
  const of = JSON.stringify(filtersOf(view));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what matched before does not match any more
  useEffect(() => () => stop.current.abort(), [of]);
  const own = every?.of === of ? every.items : null;
  const chosen = useMemo(() => {
    const shown = new Set(tracks.map(({ id }) => id));
    return [...tracks, ...(own ?? []).filter(({ id }) => !shown.has(id))].filter(({ id }) => selected?.has(id));
  }, [tracks, own, selected]);
  const reading = useMutation({
    mutationFn: async () => {
      const { signal } = stop.current;
      try {
        return await everyMatch(view, signal, setRead);
      } catch (error) {
        if (signal.aborted) return null;
        throw error;
      }
    },
    onSuccess: (items) => {
      if (!items) return;
      setEvery({ of, items });
      setSelected(new Set(items.map(({ id }) => id)));
    },
  });
  return {
    selected,
    chosen,
    select: (ids: ReadonlySet<string> | null) => {
      stop.current.abort();
      setSelected(ids);
    },
    /** Takes those that are gone out of what is selected. */
    drop: (gone: ReadonlySet<string>) => setSelected((now) => now && new Set([...now].filter((id) => !gone.has(id)))),
    /** Selects all that match, those too that the list has not read. */
    selectEvery: () => {
      stop.current = new AbortController();
      setRead(0);
      reading.mutate();
    },
    /** How many of them were read by now; null while they are not being read. */
    read: reading.isPending ? read : null,
    problem: reading.isError ? errorText(reading.error) : null,
    /** Whether all that match are selected. */
    isEvery: own?.every(({ id }) => selected?.has(id)) ?? false,
  };
}
