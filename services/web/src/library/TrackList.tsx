import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Track } from "../api/client";
import { type Sound, usePreview } from "../sound/preview";
import { useMayWrite } from "../state/mayWrite";
import { useKeys } from "../ui/keys";
import { type Density, useIsWide } from "./density";
import { useEndedJobs } from "./ended";
import { useActiveJobs } from "./queries";
import { ColumnNames, type RowActions, TrackRow } from "./TrackRow";

const ROW_PX = { comfortable: 64, dense: 40 };
const NARROW_ROW_PX = 56;
const CLOSE_TO_END = 20;

type Props = {
  tracks: Track[];
  /** The model whose labels are shown; null for the newest. */
  model: string | null;
  /** The ids of the selected tracks; null while nothing is being selected. */
  selected: ReadonlySet<string> | null;
  onSelect: (selected: ReadonlySet<string>) => void;
  density: Density;
  more: boolean;
  onMore: () => void;
};

/** A list of tracks. Only rows near the visible range are in the document; arrow keys move through all of them. */
export function TrackList({ tracks, model, selected, onSelect, density, more, onMore }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  const columns = useIsWide() && density === "dense";
  const active = useActiveJobs().data;
  const mayWrite = useMayWrite();
  useEndedJobs(active);
  const focused = useRef(0);
  useLayoutEffect(() => {
    const measure = () => setTop((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    const observer = new ResizeObserver(measure);
    if (list.current?.parentElement) observer.observe(list.current.parentElement);
    return () => observer.disconnect();
  }, []);
  const rowPx = density === "dense" && matchMedia("(max-width: 800px)").matches ? NARROW_ROW_PX : ROW_PX[density];
  const rows = useWindowVirtualizer({
    count: tracks.length,
    estimateSize: () => rowPx,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => tracks[index]?.id ?? index,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are placed again
  useLayoutEffect(() => rows.measure(), [rowPx, rows]);
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= tracks.length - CLOSE_TO_END) onMore();
  });
  const focus = (index: number) => {
    focused.current = Math.max(0, Math.min(tracks.length - 1, index));
    rows.scrollToIndex(focused.current);
    requestAnimationFrame(() => {
      list.current?.querySelector<HTMLElement>(`[data-index="${focused.current}"] a`)?.focus({ preventScroll: true });
    });
  };
  const preview = usePreview(undefined, (id, by) => {
    const next = tracks[tracks.findIndex((track) => track.id === id) + by];
    return next ? { id: next.id, sound: soundOf(next) } : null;
  });
  const latest = useRef<RowActions>(null as never);
  latest.current = {
    play: (track) => preview.toggle(track.id, soundOf(track)),
    select: (id, on) => onSelect(new Set(on ? [...(selected ?? []), id] : [...(selected ?? [])].filter((one) => one !== id))),
    // The rows after it have moved up: the next one is where it was.
    gone: focus,
  };
  const actions = useMemo<RowActions>(
    () => ({
      play: (track) => latest.current.play(track),
      select: (id, on) => latest.current.select(id, on),
      gone: (index) => void requestAnimationFrame(() => latest.current.gone(index)),
    }),
    [],
  );
  useKeys((event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return false;
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-index]")?.dataset.index;
    focus(at === undefined ? focused.current : Number(at) + step);
    return true;
  });
  return (
    <div className={density === "dense" ? "tracks--dense" : ""}>
      {columns ? <ColumnNames /> : null}
      <ul ref={list} className="tracks" aria-label="Recordings" style={{ height: rows.getTotalSize() }}>
        {items.map((item) => {
          const track = tracks[item.index];
          return track ? (
            <li
              key={item.key}
              data-index={item.index}
              aria-setsize={more ? -1 : tracks.length}
              aria-posinset={item.index + 1}
              style={{ height: item.size, transform: `translateY(${item.start - rows.options.scrollMargin}px)` }}
            >
              <TrackRow
                track={track}
                index={item.index}
                job={active?.get(track.id)}
                model={model}
                playing={preview.playing === track.id}
                unplayed={preview.problem?.id === track.id ? preview.problem.text : null}
                selected={selected?.has(track.id) ?? null}
                columns={columns}
                mayWrite={mayWrite}
                actions={actions}
              />
            </li>
          ) : null;
        })}
      </ul>
    </div>
  );
}

function soundOf({ id, audio }: Track): Sound {
  return { trackId: id, link: audio };
}
