import { useEffect, useMemo } from "react";
import { Link } from "wouter";
import type { Track } from "../api/client";
import { useLinkedSound } from "../sound/linkedSound";
import type { SourceName } from "../sound/transport";
import { TimeAxisProvider, useTimeAxis } from "../sound/timeAxis";
import { modelsNamed, modelsText } from "../state/models";
import { useTrack } from "../state/queries";
import { useTrackState } from "../state/TrackStateProvider";
import { Amber } from "../track/Amber";
import { SHOWN } from "../track/EvidenceBar";
import { EvidenceMark, EvidencePart } from "../track/EvidenceSpan";
import { LabelLegend, LabelStrip } from "../track/LabelStrip";
import { useReadAgainInFront } from "../track/ownLabels";
import { SpectrogramPlot } from "../track/SpectrogramPlot";
import { Timeline } from "../track/Timeline";
import { Waveform } from "../track/Waveform";
import { titleOf } from "../ui/tags";
import { Figures } from "./Figures";

/** The sounds of the two sides, as the player knows them. */
export const SOUNDS = ["recording", "other"] as const satisfies readonly SourceName[];

type Props = { track: Track; model: string | null; sound: SourceName | null; letter: string };

/** One side of a comparison, whose recording may end before the axis: its outline, labels, spectrogram and evidence, what the labels' colours and numbers mean, then what is known of it in a few figures. */
export function Side({ track, model, sound, letter }: Props) {
  const { state, loaded, selectModels } = useTrackState();
  const axis = useTimeAxis();
  const own = useMemo(() => ({ ...axis, durationS: track.duration_s }), [axis, track.duration_s]);
  const models = useMemo(() => modelsNamed(model?.split(",") ?? []), [model]);
  useEffect(() => {
    if (models) selectModels(models);
  }, [models, selectModels]);
  useReadAgainInFront(track.id);
  const title = `${letter}: ${titleOf(track)}${models ? `, by ${modelsText(models)}` : ""}`;
  return (
    <section className="side" aria-label={title}>
      <h2 className="clip">
        <Link href={`/tracks/${track.id}`}>{title}</Link>
      </h2>
      {sound ? <Sound track={track} name={sound} /> : null}
      <Timeline>
        <TimeAxisProvider value={own}>
          <Waveform trackId={track.id} />
          <LabelStrip />
          <EvidenceMark explained={state.explained} />
          <SpectrogramPlot trackId={track.id} explained={state.explained} opacity={SHOWN} />
        </TimeAxisProvider>
      </Timeline>
      <Amber explained={state.explained} opacity={SHOWN} />
      <TimeAxisProvider value={own}>
        <EvidencePart explained={state.explained} />
      </TimeAxisProvider>
      <LabelLegend />
      {loaded ? <Figures track={track} models={models} /> : null}
    </section>
  );
}

function Sound({ track: { id, audio, duration_s }, name }: { track: Track; name: SourceName }) {
  const { transport } = useTimeAxis();
  const { refetch } = useTrack(id);
  const { renewedUrl, state } = useTrackState();
  const playback = state.result("describe")?.playback;
  const recording = { id: playback?.id ?? id, url: playback?.url ?? audio.url, startS: 0, endS: duration_s };
  useLinkedSound(transport, name, recording, async () => (playback ? renewedUrl(playback.id) : (await refetch()).data?.audio.url));
  return null;
}
