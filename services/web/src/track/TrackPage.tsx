import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import type { Track } from "../api/client";
import { inWords } from "../api/problem";
import { wayBack } from "../ui/places";
import { MediaSource } from "../sound/media";
import { useStore } from "../sound/store";
import { Transport } from "../sound/transport";
import { whole } from "../sound/view";
import { BadNote, Button, Skeleton } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { channels, time } from "../ui/format";
import { useSize } from "../ui/canvas";
import { DeskProvider } from "../sound/desk";
import { EvidenceBar } from "./EvidenceBar";
import { useExplanation } from "../state/explanation";
import { Labels } from "./Labels";
import { Outlook } from "./Outlook";
import { useTrack } from "../state/queries";
import { TrackStateProvider, useTrackState } from "../state/TrackStateProvider";
import { useRecording } from "./queries";
import { SpectrogramPlot } from "./SpectrogramPlot";
import { Timeline } from "./Timeline";
import "./track.css";
import { TransportBar } from "./TransportBar";
import { useTransportKeys } from "./transportKeys";
import { Waveform } from "./Waveform";

const FETCHED_AT_ONCE_BYTES = 30e6;

/** Everything there is to see and hear of a recording. */
export default function TrackPage({ id }: { id: string }) {
  const track = useTrack(id);
  if (track.isError) {
    return (
      <main id="main" className="page stack">
        <BadNote action={<Link href={wayBack()}>To the library</Link>}>{inWords(track.error)}</BadNote>
      </main>
    );
  }
  return (
    <TrackStateProvider trackId={id}>
      <main id="main" className="page studio">
        <Heading track={track.data} />
        {track.data ? <Studio track={track.data} /> : <Skeleton height={440} />}
        <StateProblem />
      </main>
    </TrackStateProvider>
  );
}

function StateProblem() {
  const { error, retry } = useTrackState();
  return error ? <BadNote action={<Button onClick={retry}>Try again</Button>}>{inWords(error)}</BadNote> : null;
}

/** Whether the recording is to be fetched: a small one at once, a large one when it shall play. */
function useWanted(transport: Transport, sizeBytes: number): boolean {
  const { waiting, source, ready } = useStore(transport.state);
  const asked = useRef(false);
  asked.current ||= sizeBytes <= FETCHED_AT_ONCE_BYTES || ready.includes("recording") || (waiting && source === "recording");
  return asked.current;
}

function Heading({ track }: { track: Track | undefined }) {
  useEffect(() => {
    if (track) document.title = `${track.filename} · Phonoscope`;
    return () => {
      document.title = "Phonoscope";
    };
  }, [track]);
  return (
    <header className="studio__head">
      <Link href={wayBack()} className="button button--plain" aria-label="Back to the library">
        <Icon name="back" />
      </Link>
      <h1 className="clip" title={track?.filename}>
        {track?.filename ?? <Skeleton height={24} width={240} />}
      </h1>
      {track ? (
        <p className="quiet small">
          {[time(track.duration_s), `${track.sample_rate_hz / 1000} kHz`, channels(track.channels), track.codec].join(" · ")}
        </p>
      ) : null}
    </header>
  );
}

function Studio({ track }: { track: Track }) {
  const durationS = track.duration_s;
  const transport = useMemo(() => new Transport(durationS), [durationS]);
  const [view, setView] = useState(() => whole(durationS));
  const [opacity, setOpacity] = useState(0);
  const [plots, { width }] = useSize<HTMLDivElement>();
  const explanation = useExplanation(track.id);
  const { explained } = explanation;
  const { url, error } = useRecording(track.id, useWanted(transport, track.size_bytes));
  useEffect(() => () => transport.close(), [transport]);
  useEffect(() => {
    if (url) transport.setSource("recording", new MediaSource(url, 0, durationS));
  }, [transport, url, durationS]);
  const listen = explained?.listen;
  useEffect(() => {
    if (listen && explained) transport.setSource("heard", new MediaSource(listen.url, explained.start_s, explained.end_s));
  }, [transport, listen?.id]);
  const desk = useMemo(() => ({ transport, durationS, view, setView, width }), [transport, durationS, view, width]);
  useTransportKeys(desk);
  return (
    <DeskProvider value={desk}>
      <section className="studio__desk" aria-label="The recording over time">
        <TransportBar />
        {error ? <BadNote>The recording itself cannot be fetched. {inWords(error)}</BadNote> : null}
        <div ref={plots}>
          <Timeline>
            <Waveform trackId={track.id} />
            <Labels />
            <SpectrogramPlot trackId={track.id} explained={explained} opacity={opacity} />
          </Timeline>
        </div>
        <EvidenceBar explanation={explanation} opacity={opacity} setOpacity={setOpacity} />
      </section>
      {track.warnings.map((warning) => (
        <p key={warning} className="note">
          {warning}
        </p>
      ))}
      <Outlook track={track} explanation={explanation} />
    </DeskProvider>
  );
}
