import { useEffect, useMemo } from "react";
import { useTimeAxis } from "../sound/timeAxis";
import { useStore } from "../sound/store";
import { following, toX } from "../sound/view";
import type { Loop } from "../sound/transport";
import type { ResultOf } from "../state/results";
import { Button } from "../ui/controls";
import { time } from "../ui/format";

const EDGE_S = 0.05;

type Props = { explained: ResultOf<"explain"> | null };

/** The seconds that the evidence covers; null where it covers the whole recording. */
function useSpan(explained: Props["explained"]): Loop | null {
  const { durationS } = useTimeAxis();
  const [startS, endS] = [explained?.start_s ?? 0, explained?.end_s ?? durationS];
  return useMemo(() => (startS > EDGE_S || endS < durationS - EDGE_S ? { startS, endS } : null), [startS, endS, durationS]);
}

/** Marks on the axis which part of the recording the evidence is of. */
export function EvidenceMark({ explained }: Props) {
  const { view, width } = useTimeAxis();
  const span = useSpan(explained);
  if (!span) return null;
  const left = Math.max(0, toX(span.startS, view, width));
  const right = Math.min(width, toX(span.endS, view, width));
  return (
    <div className="evidence-mark" role="img" aria-label={`The evidence is of ${textOf(span)}`}>
      {right > left ? <span style={{ left, width: Math.max(3, right - left) }} /> : null}
    </div>
  );
}

/** Says which seconds the evidence has, where nothing of it is heard; nothing where it covers the whole recording. */
export function EvidencePart({ explained }: Props) {
  const span = useSpan(explained);
  if (!span) return null;
  return (
    <p className="small quiet">
      This evidence is of <strong>{textOf(span)}</strong> alone.
    </p>
  );
}

/** Says which seconds the evidence has, goes there, and loops them while only the evidence is heard. */
export function EvidenceSpan({ explained }: Props) {
  const { transport, durationS, view, setView } = useTimeAxis();
  const span = useSpan(explained);
  const { source, loop } = useStore(transport.state);
  useEffect(() => {
    if (source !== "evidence" || !span) return;
    const before = transport.state.get().loop;
    if (!before || !isWithin(before, span)) transport.setLoop(span);
    return () => {
      if (transport.state.get().loop === span) transport.setLoop(before);
    };
  }, [transport, source, span]);
  if (!span) return null;
  const looped = loop?.startS === span.startS && loop.endS === span.endS;
  return (
    <p className="small row wrap evidence-span">
      <span>
        This evidence, and <em>evidence only</em>, are of <strong>{textOf(span)}</strong> alone.
      </span>
      <Button
        onClick={() => {
          transport.seek(span.startS);
          setView(following(view, span.startS, durationS));
        }}
      >
        Go there
      </Button>
      <Button
        aria-pressed={looped}
        onClick={() => {
          transport.setLoop(looped ? null : span);
          if (!looped) transport.seek(span.startS);
        }}
      >
        Loop it
      </Button>
    </p>
  );
}

function isWithin(one: Loop, other: Loop): boolean {
  return one.startS >= other.startS - EDGE_S && one.endS <= other.endS + EDGE_S;
}

function textOf({ startS, endS }: Loop): string {
  return `${time(startS)} – ${time(endS)}`;
}
