import { type ReactNode, useEffect, useMemo } from "react";
import { Link } from "wouter";
import type { TaskName, Track } from "../api/client";
import type { SourceName } from "../sound/transport";
import { TimeAxisProvider, useTimeAxis } from "../sound/timeAxis";
import { answersOf, type Models, modelOption, modelsNamed, modelsText, shownLabels } from "../state/models";
import { useTrack } from "../state/queries";
import { useSubmit } from "../state/submit";
import { useTrackState } from "../state/TrackStateProvider";
import { SHOWN } from "../track/EvidenceBar";
import { LabelLegend, LabelStrip } from "../track/LabelStrip";
import { PredictedName, useSaidOfWhole, useWho } from "../track/said";
import { SpectrogramPlot } from "../track/SpectrogramPlot";
import { useLinkedSound } from "../track/sources";
import { Timeline } from "../track/Timeline";
import { Waveform } from "../track/Waveform";
import { Button, ErrorNote } from "../ui/controls";
import { decibels, labelText, percent, time } from "../ui/format";
import { titleOf } from "../ui/tags";

/** The sounds of the two sides, as the player knows them. */
export const SOUNDS = ["recording", "other"] as const satisfies readonly SourceName[];

const BY_MODEL: TaskName[] = ["classify", "embed", "explain"];

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
          <SpectrogramPlot trackId={track.id} explained={state.explained} opacity={SHOWN} />
        </TimeAxisProvider>
      </Timeline>
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

function Figures({ track, models }: { track: Track; models: Models | null }) {
  const { state } = useTrackState();
  const { classified } = state;
  const described = state.result("describe");
  const { submit, submitting, problem } = useSubmit(track.id);
  const { tempo_bpm = null, key = null, loudness_lufs = null } = described ?? {};
  const rows: [string, ReactNode][] = [
    ["labels", <Labels key="labels" track={track} />],
    ["length", time(track.duration_s)],
    ["tempo", tempo_bpm === null ? "—" : `${Math.round(tempo_bpm)} bpm`],
    ["key", key ?? "—"],
    ["loudness", loudness_lufs === null ? "—" : decibels(loudness_lufs, "LUFS")],
  ];
  const going = submitting || state.isGoing("classify");
  return (
    <>
      <dl className="side__figures">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt className="quiet small">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {models && !classified ? (
        <Button disabled={going} onClick={() => submit({ tasks: BY_MODEL, options: { classify: { model: modelOption(models) } } })}>
          {going ? "Classifying …" : `Classify by ${modelsText(models)}`}
        </Button>
      ) : null}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </>
  );
}

/** What the owner confirmed of the whole recording, then what is predicted, as the recording's own page says it. */
function Labels({ track }: { track: Track }) {
  const { classified } = useTrackState().state;
  const { confirmed, rejected } = useSaidOfWhole(track);
  const who = useWho();
  const predicted = classified ? answersOf(classified).flatMap((answer) => shownLabels(answer).map((one) => ({ ...one, model: answer.model.name }))) : [];
  if (confirmed === null && predicted.length === 0) return "—";
  return (
    <ul className="side__labels">
      {confirmed === null ? null : (
        <li>
          <strong>{labelText(confirmed)}</strong>, confirmed by {who}
        </li>
      )}
      {predicted.map(({ model, label, probability }) => (
        <li key={`${model} ${label}`}>
          <PredictedName label={label} rejected={rejected} /> {percent(probability)}
        </li>
      ))}
    </ul>
  );
}
