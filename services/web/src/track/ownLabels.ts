import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { LabelState, Track } from "../api/client";
import { errorText } from "../api/problem";
import { type Before, changeLabels, type Made, madeOf, readLabels, restoreLabels, type Span } from "../classifiers/labelling";
import { labelText, time } from "../ui/format";

/** Characters of a label at most. */
export const LONGEST_LABEL = 100;

/** A label of the whole recording, and what its owner says of it; null while only models predict it, which `by` names. */
export type OwnLabel = { label: string; state: LabelState | null; by: readonly string[] };

/** A label that its owner said of a stretch, or of a point, which has no end. */
export type StretchLabel = { label: string; state: LabelState; start_s: number; end_s: number | null; key_id: string | null };

/** A change that was made here: what undoes it, and the states that it gave. */
type Change = { before: readonly Before[]; made: Made };

/** A change that is asked for: of which label, and what that is afterwards, in words. */
type Asked = Omit<Change, "before"> & { named: string; words: string; change: () => Promise<Before[]> };

/** Functions that change labels of a recording, and how the last change went. */
export type OwnChanges = ReturnType<typeof useOwnChanges>;

/** What is known of the whole recording: first what was confirmed, then predictions, then what was rejected. */
export function ownLabels({ labels, confirmed = [], rejected = [] }: Track): OwnLabel[] {
  const said = new Set([...confirmed, ...rejected]);
  const predicted = [...new Set(Object.values(labels).flat())].filter((label) => !said.has(label));
  const by = (label: string) => Object.entries(labels).flatMap(([model, own]) => (own.includes(label) ? [model] : []));
  const of = (state: LabelState | null) => (label: string) => ({ label, state, by: by(label) });
  return [...confirmed.map(of("confirmed")), ...predicted.map(of(null)), ...rejected.map(of("rejected"))];
}

/** Where a label is, in words: `0:01.0 – 0:02.0`, `at 0:01.0`; nothing of the whole recording. */
export function placeText({ start_s, end_s }: Pick<Before, "start_s" | "end_s">): string {
  if (start_s === null) return "";
  return end_s === null ? `at ${time(start_s)}` : `${time(start_s)} – ${time(end_s)}`;
}

/** A label with its place, as buttons name it: `hum, 0:01.0 – 0:02.0`. */
export function namedWithPlace(one: Pick<Before, "label" | "start_s" | "end_s">): string {
  return [labelText(one.label), placeText(one)].filter(Boolean).join(", ");
}

/** The query of all that the owner said of a recording. */
export function saidLabels(trackId: string) {
  return queryOptions({ queryKey: ["track", trackId, "labels"], queryFn: ({ signal }) => readLabels(trackId, signal) });
}

/** Reads the labels of a recording again when the page comes back to the front: another tab or program may have changed them. */
export function useReadAgainInFront(trackId: string): void {
  const queries = useQueryClient();
  useEffect(() => {
    const read = () => {
      if (document.visibilityState === "visible") void queries.refetchQueries({ queryKey: ["track", trackId], type: "active" }, { cancelRefetch: false });
    };
    window.addEventListener("focus", read);
    document.addEventListener("visibilitychange", read);
    return () => {
      window.removeEventListener("focus", read);
      document.removeEventListener("visibilitychange", read);
    };
  }, [queries, trackId]);
}

/** What the owner said of stretches and points of the recording, in the order of time. */
export function useStretchLabels(trackId: string) {
  return useQuery({
    ...saidLabels(trackId),
    select: ({ labels }) => labels.filter((one): one is typeof one & { start_s: number } => one.start_s !== null),
  });
}

/**
 * Changes labels of a recording, and undoes what was changed here, the last change first.
 *
 * What is asked for while another change is stored waits for it. What others change meanwhile stays. `said` is what was done last, in
 * words, and `problems` say of each change that failed what it was, and why.
 */
export function useOwnChanges(trackId: string) {
  const refresh = useRefresh(trackId);
  const [changes, setChanges] = useState<readonly Change[]>([]);
  const [said, setSaid] = useState("");
  const [failures, setFailures] = useState<readonly { what: string; problem: string }[]>([]);
  const failed = (what: string, error: unknown) => setFailures((all) => [...all, { what, problem: `${what}: ${errorText(error)}` }]);
  const scope = { id: `labels of ${trackId}` };
  const asking = useMutation({
    scope,
    mutationFn: ({ change }: Asked) => change(),
    onSuccess: (before, { named, words, made }) => {
      if (before.length) setChanges((all) => [...all, { before, made }]);
      setSaid(`${named} is ${words}.`);
      setFailures((all) => all.filter(({ what }) => what !== `${named} is not stored`));
    },
    onError: (error, { named }) => failed(`${named} is not stored`, error),
    onSettled: refresh,
  });
  const undoing = useMutation({
    scope,
    mutationFn: ({ before, made }: Change) => restoreLabels(trackId, before, made),
    onSuccess: (put, undone) => {
      setChanges((all) => all.filter((one) => one !== undone));
      setSaid(put.length ? "The last change of the labels is undone." : "That label was changed elsewhere since: it stays as it is.");
    },
    onError: (error) => failed("The last change is not undone", error),
    onSettled: refresh,
  });
  const last = changes.at(-1);
  const busy = asking.isPending || undoing.isPending;
  const start = () => {
    if (!busy) setFailures([]);
  };
  return {
    busy,
    problems: failures.map(({ problem }) => problem),
    said,
    /** Confirms or rejects a label of a stretch, of the whole recording for null. Resolves to whether it is stored. */
    say: (label: string, state: LabelState, span: Span | null = null): Promise<boolean> => {
      start();
      const named = namedWithPlace({ label, start_s: span?.startS ?? null, end_s: span?.endS ?? null });
      const change = () => changeLabels(trackId, span, [{ label, state }]);
      return asking.mutateAsync({ named, words: state, made: madeOf([{ label, state }]), change }).then(
        () => true,
        () => false,
      );
    },
    /** Gives a label another state where it is; null removes it. */
    put: ({ label, start_s, end_s, state }: Before) => {
      start();
      const one = { label, start_s, end_s, state };
      asking.mutate({ named: namedWithPlace(one), words: state ?? "removed", made: madeOf([one]), change: () => restoreLabels(trackId, [one]) });
    },
    /** Rejects a label where it is and confirms another one in its place, as one change. */
    change: ({ label, start_s, end_s }: Omit<Before, "state">, to: string) => {
      start();
      const said: Before[] = [
        { label, start_s, end_s, state: "rejected" },
        { label: to, start_s, end_s, state: "confirmed" },
      ];
      const named = namedWithPlace({ label, start_s, end_s });
      asking.mutate({ named, words: `changed to ${labelText(to)}`, made: madeOf(said), change: () => restoreLabels(trackId, said) });
    },
    /** Undoes the last change that was made here; null without one. */
    undo: last
      ? () => {
          start();
          undoing.mutate(last);
        }
      : null,
  };
}

function useRefresh(trackId: string) {
  const queries = useQueryClient();
  return () =>
    Promise.all([["track", trackId], ["jobs", "of", trackId], ["tracks"], ["map"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
}
