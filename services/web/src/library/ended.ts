import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Job } from "../api/client";
import { readAgain } from "./again";

/** Reads tracks again when jobs on them have ended, whoever asked for these. `active` has the jobs that have not, by track. */
export function useEndedJobs(active: ReadonlyMap<string, Job> | undefined): void {
  const queries = useQueryClient();
  const before = useRef(active);
  useEffect(() => {
    const going = new Set([...(active?.values() ?? [])].map(({ id }) => id));
    const ended = active ? [...(before.current ?? [])].flatMap(([trackId, { id }]) => (going.has(id) ? [] : [trackId])) : [];
    before.current = active;
    if (ended.length) void readAgain(queries, new Set(ended));
  }, [active, queries]);
}
