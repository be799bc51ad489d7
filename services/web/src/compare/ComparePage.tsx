import { useEffect, useMemo, useState } from "react";
import { Link, useSearch } from "wouter";
import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { TimeAxisProvider } from "../sound/timeAxis";
import { Transport } from "../sound/transport";
import { whole } from "../sound/view";
import { useTrack } from "../state/queries";
import { TrackStateProvider } from "../state/TrackStateProvider";
import { useTransportKeys } from "../track/transportKeys";
import "../track/track.css";
import "../track/evidence.css";
import { useSize } from "../ui/canvas";
import { ErrorNote, Skeleton } from "../ui/controls";
import { useKeys } from "../ui/keys";
import { announce } from "../ui/live";
import { titleOf } from "../ui/tags";
import { useTitle } from "../ui/title";
import { CompareBar } from "./CompareBar";
import "./compare.css";
import { Side, SOUNDS } from "./Side";
import { pairIn, type Side as Chosen } from "../state/pair";

/** Two recordings, or two models on one, on one axis: one playhead and one zoom, and a switch of which is heard. */
export default function ComparePage() {
  const pair = pairIn(useSearch());
  useTitle("Compare");
  if (!pair) {
    return (
      <main id="main" className="page empty">
        <h1>Nothing to compare</h1>
        <p>
          Open a recording in <Link href="/">the library</Link>, and choose <em>Compare</em> in its menu.
        </p>
      </main>
    );
  }
  return (
    <main id="main" className="page studio compare">
      <h1>Compare</h1>
      <Loaded key={pair.map(({ trackId }) => trackId).join()} pair={pair} />
    </main>
  );
}

function Loaded({ pair: [a, b] }: { pair: [Chosen, Chosen] }) {
  const [one, other] = [useTrack(a.trackId), useTrack(b.trackId)];
  const error = one.error ?? other.error;
  if (error) return <ErrorNote action={<Link href="/">Go to the library</Link>}>{errorText(error)}</ErrorNote>;
  if (!one.data || !other.data) return <Skeleton height={440} />;
  return <Both tracks={[one.data, other.data]} sides={[a, b]} />;
}

function Both({ tracks: [a, b], sides }: { tracks: [Track, Track]; sides: [Chosen, Chosen] }) {
  const durationS = Math.max(a.duration_s, b.duration_s);
  const transport = useMemo(() => new Transport(durationS), [durationS]);
  const [view, setView] = useState(() => whole(durationS));
  const [plots, { width }] = useSize<HTMLDivElement>();
  const axis = useMemo(() => ({ transport, durationS, view, setView, width }), [transport, durationS, view, width]);
  const names: [string, string] = a.id === b.id ? [`${titleOf(a)}, first model`, `${titleOf(a)}, second model`] : [titleOf(a), titleOf(b)];
  const same = a.id === b.id;
  useEffect(() => () => transport.close(), [transport]);
  useKeys((event) => {
    if (event.key !== "x" || same) return false;
    const to = transport.state.get().source === SOUNDS[0] ? 1 : 0;
    transport.switchTo(SOUNDS[to]);
    announce(names[to]);
    return true;
  });
  useTransportKeys(axis, []);
  return (
    <TimeAxisProvider value={axis}>
      <CompareBar names={names} same={same} />
      <div ref={plots} className="stack">
        {([a, b] as const).map((track, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the two sides have their places only, and may be of one recording
          <TrackStateProvider key={at} trackId={track.id} audioTrack={null}>
            <Side track={track} model={sides[at]?.model ?? null} sound={same && at === 1 ? null : (SOUNDS[at] ?? null)} letter={at === 0 ? "A" : "B"} />
          </TrackStateProvider>
        ))}
      </div>
    </TimeAxisProvider>
  );
}
