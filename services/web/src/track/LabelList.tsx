import { type CSSProperties, useCallback, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { LabelState } from "../api/client";
import { thousandths } from "../classifiers/labelling";
import type { Segment } from "../sound/segments";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { Transport } from "../sound/transport";
import { Button, IconButton } from "../ui/controls";
import { useFocusKept } from "../ui/focus";
import { Icon } from "../ui/Icon";
import { time } from "../ui/format";
import { ChangeLabel } from "./ChangeLabel";
import { namedWithPlace, type OwnChanges } from "./ownLabels";
import { playFrom } from "./playing";
import { useSaid } from "./said";
import { chanceOf, keyOf, kindOf, nameOf, useSegments } from "./useSegments";
import { useWindowLength } from "./useWindowLength";

const MOST = 100;

type Props = { changes: OwnChanges | null };

/**
 * The stretches of one label each that are in view, as a list; a press plays one, and with `changes` its label is confirmed, rejected or changed.
 * Once there were any, what undoes the last change stays without them.
 */
export function LabelList({ changes }: Props) {
  const { transport, view } = useTimeAxis();
  const { found, colourOf } = useSegments();
  const windowS = useWindowLength();
  const current = useCurrent(transport, found);
  const box = useRef<HTMLDetailsElement>(null);
  useFocusKept(box, changes?.busy ?? false);
  const inView = found.filter(({ startS, endS }) => endS > view.startS && startS < view.endS);
  const [listed, setListed] = useState(false);
  if (!listed && inView.length > 0) setListed(true);
  if (inView.length === 0 && !(listed && changes?.undo)) return null;
  const shown = inView.slice(0, MOST);
  return (
    <details ref={box} className="segments" open>
      <summary>
        {countText(inView.length)} of the labels over time
        {windowS === null || inView.length === 0 ? null : (
          <span className="small quiet"> Each number is of one window of {windowS} s, the highest where several follow each other.</span>
        )}
      </summary>
      {shown.length ? (
        <ol aria-label="Stretches of one label each">
          {shown.map((segment) => (
            <Row key={keyOf(segment)} segment={segment} colour={colourOf(segment.label)} current={current.includes(segment)} changes={changes} />
          ))}
        </ol>
      ) : null}
      {changes?.undo ? (
        <Button disabled={changes.busy} onClick={changes.undo}>
          Undo
        </Button>
      ) : null}
      {inView.length > MOST ? <p className="small quiet">{inView.length - MOST} more follow: zoom in to see them.</p> : null}
    </details>
  );
}

function countText(count: number): string {
  if (count === 0) return "No stretch";
  return count === 1 ? "1 stretch" : `${count} stretches`;
}

type RowProps = { segment: Segment; colour: string; current: boolean; changes: OwnChanges | null };

function Row({ segment, colour, current, changes }: RowProps) {
  const { transport } = useTimeAxis();
  const { playing } = useStore(transport.state);
  return (
    <li className="segments__row">
      <button
        type="button"
        className="segment"
        aria-current={current ? "true" : undefined}
        style={{ "--label": colour } as CSSProperties}
        onClick={() => (current && playing ? transport.pause() : playFrom(transport, segment.startS))}
      >
        <Icon name={current && playing ? "pause" : "play"} size={14} />
        <span className="segment__name clip">{nameOf(segment)}</span>
        <span className="segment__chance">{segment.confirmed ? <Confirmed /> : chanceOf(segment)}</span>
        <span className="segment__kind quiet clip">{kindOf(segment)}</span>
        <span className="segment__time quiet">
          {time(segment.startS)} – {time(segment.endS)}
        </span>
      </button>
      {changes && segment.label !== null ? <Correction segment={segment} label={segment.label} changes={changes} /> : null}
    </li>
  );
}

/** Buttons that confirm, reject and change the label of a stretch; what is confirmed is removed by another press. */
function Correction({ segment: { startS, endS }, label, changes }: { segment: Segment; label: string; changes: OwnChanges }) {
  const { busy, say, put, change } = changes;
  const { durationS } = useTimeAxis();
  const name = namedWithPlace({ label, start_s: startS, end_s: endS });
  // A stretch as long as the recording is kept as the whole of it.
  const whole = startS === 0 && endS === durationS;
  const place = { label, start_s: whole ? null : startS, end_s: whole ? null : endS };
  const confirmed = useSaid().some((one) => one.state === "confirmed" && one.label === label && one.start_s === place.start_s && one.end_s === place.end_s);
  const kept = (state: LabelState | null) => put({ ...place, state });
  // What is confirmed has its own times, to the microsecond.
  const edge = (seconds: number) => (confirmed ? seconds : thousandths(seconds));
  const changed = whole ? place : { label, start_s: edge(startS), end_s: edge(endS) };
  const predicted = (state: LabelState) => say(label, state, { startS, endS });
  return (
    <>
      <IconButton
        icon="check"
        label={`Confirm ${name}`}
        aria-pressed={confirmed}
        disabled={busy}
        onClick={() => (confirmed ? kept(null) : predicted("confirmed"))}
      />
      <IconButton icon="close" label={`Reject ${name}`} disabled={busy} onClick={() => (confirmed ? kept("rejected") : predicted("rejected"))} />
      <ChangeLabel label={label} name={name} disabled={busy} onChange={(to) => change(changed, to)} />
    </>
  );
}

function Confirmed() {
  return (
    <>
      <Icon name="check" size={14} />
      <span className="unseen">confirmed</span>
    </>
  );
}

/** The segments under the playhead: several where a label was confirmed within another one. */
function useCurrent(transport: Transport, segments: readonly Segment[]): readonly Segment[] {
  const places = useCallback(() => {
    const now = transport.time.get();
    return JSON.stringify(segments.flatMap(({ startS, endS }, at) => (now >= startS && now < endS ? [at] : [])));
  }, [transport, segments]);
  const current = useSyncExternalStore(transport.time.subscribe, places);
  return useMemo(() => (JSON.parse(current) as number[]).flatMap((at) => segments[at] ?? []), [current, segments]);
}
