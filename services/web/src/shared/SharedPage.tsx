import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import type { SharedTrack, Track } from "../api/client";
import { shareToken } from "../api/credential";
import { ApiProblem, errorText } from "../api/problem";
import { TimeAxisProvider } from "../sound/timeAxis";
import { Transport } from "../sound/transport";
import { whole } from "../sound/view";
import { unmeasuredSharedText } from "../state/absent";
import { useExplanation } from "../state/explanation";
import { sharedTrack } from "../state/queries";
import { TrackStateProvider, useTrackState } from "../state/TrackStateProvider";
import { Amber } from "../track/Amber";
import { BeatClicks, BeatMarks } from "../track/BeatMarks";
import { SHOWN } from "../track/EvidenceBar";
import { EvidenceMark, EvidenceSpan } from "../track/EvidenceSpan";
import { Best } from "../track/Heard";
import { LabelList } from "../track/LabelList";
import { LabelLegend, LabelStrip } from "../track/LabelStrip";
import { Measurements } from "../track/Measurements";
import { useSaidOfWhole } from "../track/said";
import { SpectrogramPlot } from "../track/SpectrogramPlot";
import { Timeline } from "../track/Timeline";
import { TransportBar } from "../track/TransportBar";
import { useBars } from "../track/useBeats";
import { useTransportKeys } from "../track/transportKeys";
import { useSounds } from "../track/sounds";
import { Waveform } from "../track/Waveform";
import { Why } from "../track/Why";
import { useSize } from "../ui/canvas";
import { Button, ErrorNote, IconButton, Skeleton } from "../ui/controls";
import { channels, dateAndTime, shownFilename, time } from "../ui/format";
import { Icon } from "../ui/Icon";
import { tagsOf, titleOf } from "../ui/tags";
import { toggleTheme, useTheme } from "../ui/theme";
import { useTitle } from "../ui/title";
import { SharedLabels } from "./SharedLabels";
import "../track/track.css";
import "../track/evidence.css";
import "./shared.css";

const SharedStems = lazy(() => import("./SharedStems"));

/** What a shared link shows: one recording and what is known of it, to be read. */
export default function SharedPage() {
  const theme = useTheme();
  return (
    <div className="shell">
      <header className="top">
        <span className="brand">
          <Icon name="brand" size={22} />
          phonoscope
        </span>
        <IconButton icon="theme" label={theme === "dark" ? "Light theme" : "Dark theme"} onClick={toggleTheme} />
      </header>
      <main id="main" className="page studio">
        {shareToken() ? <Opened /> : <Ended>This link is not whole: copy all of it.</Ended>}
      </main>
    </div>
  );
}

function Opened() {
  const { data, error, refetch } = useQuery(sharedTrack);
  if (error instanceof ApiProblem && error.status === 404) {
    return <Ended>This link has ended: its time is over, or its owner revoked it. Ask for another one.</Ended>;
  }
  if (error && !data) return <ErrorNote action={<Button onClick={() => void refetch()}>Try again</Button>}>{errorText(error)}</ErrorNote>;
  if (!data) return <Skeleton height={440} />;
  const { track, expires_at } = data;
  return (
    <TrackStateProvider trackId={track.id} audioTrack={null}>
      <Heading track={track} endsAt={expires_at} />
      <Studio shared={data} />
    </TrackStateProvider>
  );
}

function Ended({ children }: { children: string }) {
  return (
    <div className="empty">
      <h1>Nothing is shared here</h1>
      <p>{children}</p>
    </div>
  );
}

function Heading({ track, endsAt }: { track: Track; endsAt: string }) {
  useTitle(titleOf(track));
  const facts = [...tagsOf(track), time(track.duration_s), `${track.sample_rate_hz / 1000} kHz`, channels(track.channels), track.codec];
  return (
    <header className="studio__head">
      {track.cover ? <img className="studio__cover" src={track.cover.url} alt="" /> : null}
      <h1 className="clip" title={track.filename}>
        {titleOf(track)}
      </h1>
      <p className="quiet small">{facts.join(" · ")}</p>
      <p className="small shared__end">
        Shared until {dateAndTime(endsAt)}.{" "}
        <a href={track.audio.url} download={shownFilename(track)}>
          Download the recording
        </a>
      </p>
    </header>
  );
}

function Studio({ shared }: { shared: SharedTrack }) {
  const { track } = shared;
  const durationS = track.duration_s;
  const transport = useMemo(() => new Transport(durationS), [durationS]);
  const [view, setView] = useState(() => whole(durationS));
  const [plots, { width }] = useSize<HTMLDivElement>();
  const { loaded, state } = useTrackState();
  const explanation = useExplanation(track.id, () => undefined);
  const { explained } = explanation;
  const clicks = useSounds(transport, track, explanation);
  const axis = useMemo(() => ({ transport, durationS, view, setView, width }), [transport, durationS, view, width]);
  useTransportKeys(axis, useBars());
  return (
    <TimeAxisProvider value={axis}>
      <Heard track={track} />
      <section className="studio__desk" aria-label="The recording over time">
        <TransportBar />
        <div ref={plots}>
          <Timeline>
            <Waveform trackId={track.id} />
            <LabelStrip />
            <BeatMarks />
            <EvidenceMark explained={explained} />
            <SpectrogramPlot trackId={track.id} explained={explained} opacity={SHOWN} />
          </Timeline>
          <Amber explained={explained} opacity={SHOWN} />
          <LabelLegend />
        </div>
        <BeatClicks clicks={clicks} />
        <EvidenceSpan explained={explained} />
        <LabelList changes={null} />
      </section>
      {loaded ? (
        <div className="trio">
          <SharedLabels track={track} />
          {explained ? <Why explanation={explanation} /> : null}
          <Measurements unmeasured={unmeasuredSharedText(shared)} />
        </div>
      ) : null}
      {state.has("separate") ? (
        <section className="part" aria-labelledby="stems-title">
          <h2 id="stems-title">Stems</h2>
          <Suspense fallback={<Skeleton height={240} />}>
            <SharedStems track={track} explanation={explanation} />
          </Suspense>
        </section>
      ) : null}
    </TimeAxisProvider>
  );
}

/** The label that counts, in one line; nothing before a classification or a label. */
function Heard({ track }: { track: Track }) {
  const said = useSaidOfWhole(track);
  if (useTrackState().state.classified === null && said.confirmed === null) return null;
  return (
    <p className="heard">
      <Best said={said} />
    </p>
  );
}
