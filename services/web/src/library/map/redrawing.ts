import { useEffect, useRef } from "react";
import type { Drawing, LibraryMap } from "./queries";

const QUIET_MS = 10_000;
const APART_MS = 120_000;

/**
 * Draws the map anew by itself when recordings are missing from it: once nothing is analysed (`idle`), their number has not changed
 * for ten seconds, and the map is two minutes old.
 *
 * What a map that was just drawn lacks, no other one shows either. A drawing that failed is left to the owner.
 */
export function useRedrawing({ drawn_at, missing = 0, job_id }: LibraryMap, { draw, pending, problem }: Drawing, idle: boolean): void {
  const left = useRef<{ drawnAt: string | null; missing: number }>({ drawnAt: drawn_at ?? null, missing: 0 });
  if (left.current.drawnAt !== (drawn_at ?? null)) left.current = { drawnAt: drawn_at ?? null, missing };
  const wanted = Boolean(drawn_at) && missing > left.current.missing && idle && !pending && !problem && !job_id;
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(() => {
    if (!wanted || !drawn_at) return;
    const pause = Math.max(QUIET_MS, Date.parse(drawn_at) + APART_MS - Date.now());
    const timer = setTimeout(() => {
      left.current = { ...left.current, missing };
      latest.current();
    }, pause);
    return () => clearTimeout(timer);
  }, [wanted, missing, drawn_at]);
}
