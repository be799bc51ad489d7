import { useEffect, useMemo, useState } from "react";
import { createPortal } from "react-dom";
import { Link } from "wouter";
import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { libraryAddress } from "../ui/scrollPositions";
import { Transport } from "../sound/transport";
import { whole } from "../sound/view";
import { ErrorNote, Button, Skeleton } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { channels, time } from "../ui/format";
import { tagsOf, titleOf } from "../ui/tags";
import { useSize } from "../ui/canvas";
import { TimeAxisProvider } from "../sound/timeAxis";
import { Amber } from "./Amber";
import { AudioTracks, ofAudioTrack } from "./AudioTracks";
import { BeatClicks, BeatMarks } from "./BeatMarks";
import { EvidenceBar, SHOWN } from "./EvidenceBar";
import { EvidenceMark, EvidenceSpan } from "./EvidenceSpan";
import { useExplanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { Heard } from "./Heard";
import { LabelList } from "./LabelList";
import { LabelLegend, LabelStrip } from "./LabelStrip";
import { OwnLabels } from "./OwnLabels";
import { useOwnChanges, useReadAgainInFront } from "./ownLabels";
import { Sections } from "./Sections";
import { useTrack } from "../state/queries";
import { TrackStateProvider, useTrackState } from "../state/TrackStateProvider";
import { useSounds } from "./sounds";
import { SpectrogramPlot } from "./SpectrogramPlot";
import { SpectrogramSettings } from "./SpectrogramSettings";
import { Timeline } from "./Timeline";
import { TrackMenu } from "./TrackMenu";
import "../report/print.css";
import "./track.css";
import "./evidence.css";
import { TransportBar } from "./TransportBar";
import { useBars } from "./useBeats";
import { useTransportKeys } from "./transportKeys";
import { Waveform } from "./Waveform";

/** The page of one recording. */
export default function TrackPage({ id }: { id: string }) {
  const track = useTrack(id);
  const [audioTrack, setAudioTrack] = useState<number | null>(null);
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  if (track.isError) {
    return (
      <main id="main" className="page stack">
        <ErrorNote action={<Link href={libraryAddress()}>Go to the library</Link>}>{errorText(track.error)}</ErrorNote>
      </main>
    );
  }
  return (
    <TrackStateProvider trackId={id} audioTrack={audioTrack}>
      <main id="main" className="page studio">
        <Heading track={track.data} setSlot={setSlot} />
        {track.data ? <AudioTracks track={track.data} chosen={audioTrack} choose={setAudioTrack} /> : null}
        {track.data ? <Studio key={audioTrack} track={ofAudioTrack(track.data, audioTrack)} slot={slot} /> : <Skeleton height={440} />}
        <StateProblem />
      </main>
    </TrackStateProvider>
  );
}

function StateProblem() {
  const { error, retry } = useTrackState();
  return error ? <ErrorNote action={<Button onClick={retry}>Try again</Button>}>{errorText(error)}</ErrorNote> : null;
}

function Heading({ track, setSlot }: { track: Track | undefined; setSlot: (slot: HTMLElement | null) => void }) {
  useEffect(() => {
    if (track) document.title = `${titleOf(track)} · Phonoscope`;
    return () => {
      document.title = "Phonoscope";
    };
  }, [track]);
  return (
    <header className="studio__head">
      <Link href={libraryAddress()} className="button button--plain" aria-label="Back to the library">
        <Icon name="back" />
      </Link>
      {track?.cover ? <img className="studio__cover" src={track.cover.url} alt="" /> : null}
      <h1 className="clip" title={track?.filename}>
        {track ? titleOf(track) : <Skeleton height={24} width={240} />}
      </h1>
      <div ref={setSlot} className="studio__menu" />
      {track ? (
        <p className="quiet small">
          {[...tagsOf(track), time(track.duration_s), `${track.sample_rate_hz / 1000} kHz`, channels(track.channels), track.codec].join(" · ")}
        </p>
      ) : null}
      {track?.notes ? <p className="studio__notes">{track.notes}</p> : null}
    </header>
  );
}

/** `slot` is where the menu is shown, whose items are about what the studio shows. */
function Studio({ track, slot }: { track: Track; slot: HTMLElement | null }) {
  const durationS = track.duration_s;
  const transport = useMemo(() => new Transport(durationS), [durationS]);
  const [view, setView] = useState(() => whole(durationS));
  const [opacity, setOpacity] = useState(SHOWN);
  const [plots, { width }] = useSize<HTMLDivElement>();
  const explanation = useExplanation(track.id, () => setOpacity((now) => now || SHOWN));
  const { explained } = explanation;
  const clicks = useSounds(transport, track, explanation);
  const { audioTrack } = useTrackState();
  const changes = useOwnChanges(track.id);
  const mayWrite = useMayWrite();
  useReadAgainInFront(track.id);
  const axis = useMemo(() => ({ transport, durationS, view, setView, width }), [transport, durationS, view, width]);
  useTransportKeys(axis, useBars());
  return (
    <TimeAxisProvider value={axis}>
      {slot ? createPortal(<TrackMenu track={track} explanation={explanation} />, slot) : null}
      <Heard track={track} explanation={explanation} />
      <OwnLabels track={track} changes={changes} />
      <section className="studio__desk" aria-label="The recording over time">
        <TransportBar />
        <div ref={plots}>
          <Timeline>
            <Waveform trackId={track.id} />
            <LabelStrip />
            <BeatMarks />
            <EvidenceMark explained={explained} />
            <SpectrogramPlot trackId={track.id} explained={explained} opacity={opacity} banded />
          </Timeline>
          <Amber explained={explained} opacity={opacity} />
          <LabelLegend />
        </div>
        <BeatClicks clicks={clicks} />
        <SpectrogramSettings sampleRateHz={track.sample_rate_hz} />
        <EvidenceBar explanation={explanation} opacity={opacity} setOpacity={setOpacity} />
        <EvidenceSpan explained={explained} />
        <LabelList changes={mayWrite && audioTrack === null ? changes : null} />
      </section>
      {track.warnings.map((warning) => (
        <p key={warning} className="note">
          {warning}
        </p>
      ))}
      <Sections track={track} explanation={explanation} />
    </TimeAxisProvider>
  );
}
