import { type CSSProperties, useCallback, useMemo, useSyncExternalStore } from "react";
import type { Segment } from "../sound/segments";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { Transport } from "../sound/transport";
import { Icon } from "../ui/Icon";
import { time } from "../ui/format";
import { playFrom } from "./playing";
import { chanceOf, keyOf, kindOf, nameOf, useSegments } from "./useSegments";
import { useWindowLength } from "./useWindowLength";

const MOST = 100;

/** The stretches of one label each that are in view, as a list; a press plays one. */
export function LabelList() {
  const { transport, view } = useTimeAxis();
  const { found, colourOf } = useSegments();
  const windowS = useWindowLength();
  const current = useCurrent(transport, found);
  const { playing } = useStore(transport.state);
  const inView = found.filter(({ startS, endS }) => endS > view.startS && startS < view.endS);
  if (inView.length === 0) return null;
  const shown = inView.slice(0, MOST);
  return (
    <details className="segments" open>
      <summary>
        {inView.length === 1 ? "1 stretch" : `${inView.length} stretches`} of the labels over time
        {windowS === null ? null : (
          <span className="small quiet"> Each number is of one window of {windowS} s, the highest where several follow each other.</span>
        )}
      </summary>
      <ol aria-label="Stretches of one label each">
        {shown.map((segment) => {
          const on = current.includes(segment);
          return (
            <li key={keyOf(segment)}>
              <button
                type="button"
                className="segment"
                aria-current={on ? "true" : undefined}
                style={{ "--label": colourOf(segment.label) } as CSSProperties}
                onClick={() => (on && playing ? transport.pause() : playFrom(transport, segment.startS))}
              >
                <Icon name={on && playing ? "pause" : "play"} size={14} />
                <span className="segment__name clip">{nameOf(segment)}</span>
                <span className="segment__chance">{segment.confirmed ? <Confirmed /> : chanceOf(segment)}</span>
                <span className="segment__kind quiet clip">{kindOf(segment)}</span>
                <span className="segment__time quiet">
                  {time(segment.startS)} – {time(segment.endS)}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      {inView.length > MOST ? <p className="small quiet">{inView.length - MOST} more follow: zoom in to see them.</p> : null}
    </details>
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
