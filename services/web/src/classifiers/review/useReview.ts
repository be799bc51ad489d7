import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useStore } from "../../sound/store";
import { announce } from "../../ui/live";
import type { Said } from "../labelling";
import { type Classifier, type QueuedWindow, teachingOf, useClassifierActions, useQueue } from "../queries";
import { keyOf, type Reply, replyText, saidBy } from "./answers";
import { type Change, newChange, type Outbox, outboxOf } from "../outbox";
import { skippedOf } from "./skipped";

/** After so many answers it is taught again. */
export const BATCH = 10;

type Done = { window: QueuedWindow; change: Change | null; text: string };

/** One review of a classifier's queue: the window that is asked about, what can be answered, and what was. */
export function useReview(classifier: Classifier) {
  const { name, version } = classifier;
  const outbox = useMemo(() => outboxOf(name), [name]);
  const skipped = useMemo(() => skippedOf(name), [name]);
  const queue = useQueue(name, version);
  const [history, setHistory] = useState<readonly Done[]>([]);
  const [held, setHeld] = useState<QueuedWindow | null>(null);
  const waiting = useStore(outbox.waiting);
  const { sentSince, teach, teachNow } = useBatches(classifier, outbox);
  const queries = useQueryClient();

  const gone = new Set([...history.map(({ window }) => keyOf(window)), ...skipped.all(), ...outbox.found.map(keyOfChange)]);
  const items = queue.data?.items ?? [];
  const open = items.filter((item) => !gone.has(keyOf(item)));
  const kept = held && !gone.has(keyOf(held)) ? (items.find((item) => keyOf(item) === keyOf(held)) ?? held) : null;
  const current = kept ?? open[0] ?? null;
  const left = (queue.data?.left ?? 0) - (items.length - open.length);

  const finish = (done: Done) => {
    setHistory([...history, done]);
    const next = open.find((item) => keyOf(item) !== keyOf(done.window)) ?? null;
    setHeld(next);
    announce(`${done.text}. ${next ? `Next: ${next.label}?` : "Nothing is left to ask about."}`);
  };
  const answer = (reply: Reply) => {
    if (!current) return;
    const change = changeOf(name, current, saidBy(reply, current, classifier));
    finish({ window: current, change, text: replyText(reply, current.label) });
    outbox.add(change);
  };
  const skip = () => {
    if (!current) return;
    skipped.add(keyOf(current));
    finish({ window: current, change: null, text: "Skipped" });
  };
  const undo = () => {
    const last = history.at(-1);
    if (!last) return;
    setHistory(history.slice(0, -1));
    setHeld(last.window);
    if (last.change) outbox.undo(last.change);
    else skipped.remove(keyOf(last.window));
    announce(`Undone: ${last.text}. ${last.window.label}?`);
  };
  useEffect(() => setHeld(current), [current]);
  useEffect(() => {
    if (sentSince === 0) return;
    void queries.invalidateQueries({ queryKey: ["tracks"], refetchType: "none" });
  }, [sentSince, queries]);
  const showSkipped = () => {
    skipped.clear();
    setHistory(history.filter(({ change }) => change));
  };
  return { queue, current, skipped: skipped.all().length, showSkipped, left: Math.max(0, left), history, answer, skip, undo, outbox, waiting, sentSince, teach, teachNow };
}

export type Teaching = ReturnType<typeof useClassifierActions>["teach"];

/** Counts the answers that the service has, and teaches again after each batch of them. */
function useBatches(classifier: Classifier, outbox: Outbox) {
  const { teach } = useClassifierActions();
  const [sentSince, setSentSince] = useState(0);
  const tried = useRef(0);
  const latest = useRef(classifier);
  latest.current = classifier;
  const { mutate, isPending } = teach;
  useEffect(() => {
    outbox.onSent = (change) => setSentSince((count) => Math.max(0, count + (change.before ? -1 : 1)));
    void outbox.flush();
    const again = () => void outbox.flush();
    globalThis.addEventListener("online", again);
    return () => {
      globalThis.removeEventListener("online", again);
      outbox.onSent = undefined;
    };
  }, [outbox]);
  const teachNow = useCallback(
    (count: number) => {
      tried.current = count;
      const { name } = latest.current;
      const onSuccess = () => {
        tried.current = 0;
        setSentSince((now) => Math.max(0, now - count));
      };
      mutate({ name, body: teachingOf(latest.current) }, { onSuccess });
    },
    [mutate],
  );
  useEffect(() => {
    if (sentSince >= BATCH && !isPending && sentSince > tried.current) teachNow(sentSince);
  }, [sentSince, isPending, teachNow]);
  return { sentSince, teach, teachNow: () => teachNow(sentSince) };
}

function changeOf(classifier: string, { track_id, filename, start_s, end_s }: QueuedWindow, said: Said[]): Change {
  return newChange({ classifier, trackId: track_id, filename, startS: start_s, endS: end_s, said, before: null });
}

function keyOfChange({ trackId, startS, endS }: Change): string {
  return keyOf({ track_id: trackId, start_s: startS, end_s: endS });
}
