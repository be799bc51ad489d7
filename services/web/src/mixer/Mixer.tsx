import { useEffect, useMemo, useState } from "react";
import type { Stems, Track } from "../api/client";
import { errorText } from "../api/problem";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { Explanation } from "../state/explanation";
import { useReadOnly } from "../state/readOnly";
import { ErrorNote, Button, ProgressBar } from "../ui/controls";
import { percent, labelText } from "../ui/format";
import { StemsSource } from "./engine";
import { Export } from "./Export";
import { MasterMeter } from "./MasterMeter";
import { type Channel, withChannel, isAudible, type Mix, neutralMix } from "./mix";
import { type Loaded, useLoadedStems } from "./queries";
import { StemRow } from "./StemRow";

type Props = { track: Track; stems: Stems; explanation: Explanation };

/** One row per stem. Playback and the exported mix have the same gains. */
export function Mixer({ track, stems, explanation }: Props) {
  const { loaded, share, error } = useLoadedStems(stems);
  const readOnly = useReadOnly();
  const names = useMemo(() => stems.stems.map(({ name }) => name), [stems]);
  const [mix, setMix] = useState<Mix>(() => neutralMix(names));
  const source = usePlayable(loaded, mix);
  const loudest = Math.max(0.01, ...stems.stems.map(({ peak }) => peak));
  const without = new Map(explanation.stems?.parts.map((part) => [part.name, part.without]));
  return (
    <div className="mixer">
      {error ? <ErrorNote>{errorText(error)}</ErrorNote> : null}
      {!loaded && !error ? <ProgressBar share={share} label="Loading the stems" /> : null}
      <ol aria-label="Stems">
        {stems.stems.map((stem) => (
          <StemRow
            recording={track.filename}
            key={stem.name}
            stem={stem}
            loudest={loudest}
            buffer={loaded?.buffers.get(stem.name)}
            channel={mix[stem.name] as Channel}
            silent={!isAudible(mix, stem.name)}
            without={withoutText(explanation, without.get(stem.name))}
            onChange={(change) => setMix((before) => withChannel(before, stem.name, change))}
          />
        ))}
      </ol>
      <div className="mixer__foot">
        <PlayStems ready={source !== null} />
        <MasterMeter source={source} />
        <Button onClick={() => setMix(neutralMix(names))}>Reset</Button>
        {readOnly ? null : <Export track={track} mix={mix} />}
        <Attribution explanation={explanation} />
      </div>
    </div>
  );
}

/** Adds the stems to the page's player as soon as they are decoded. */
function usePlayable(loaded: Loaded | null, mix: Mix): StemsSource | null {
  const { transport } = useTimeAxis();
  const source = useMemo(() => (loaded ? new StemsSource(loaded.context, loaded.buffers) : null), [loaded]);
  useEffect(() => {
    if (!source) return;
    transport.setSource("stems", source);
    return () => source.pause();
  }, [source, transport]);
  useEffect(() => source?.setMix(mix), [source, mix]);
  return source;
}

function PlayStems({ ready }: { ready: boolean }) {
  const { transport } = useTimeAxis();
  const { playing, source } = useStore(transport.state);
  const on = playing && source === "stems";
  return (
    <Button
      icon={on ? "pause" : "play"}
      main
      disabled={!ready}
      onClick={() => {
        if (on) transport.pause();
        else {
          transport.switchTo("stems");
          if (!transport.state.get().playing) void transport.play();
        }
      }}
    >
      {on ? "Pause" : "Play the stems"}
    </Button>
  );
}

function Attribution({ explanation }: { explanation: Explanation }) {
  const { stems, wanted, submitting, explainStems } = explanation;
  const readOnly = useReadOnly();
  if (stems) return <p className="small quiet mixer__reading">{labelText(stems.reading.replaceAll("*", ""))}</p>;
  if (!wanted || readOnly) return null;
  return (
    <Button disabled={submitting} onClick={explainStems}>
      {submitting ? "Computing …" : `Which stem is ${labelText(wanted.label)}?`}
    </Button>
  );
}

/** The label's probability with and without a stem, as text. */
function withoutText({ stems, wanted }: Explanation, without: number | undefined): string | null {
  if (!stems || !wanted || without === undefined) return null;
  return `without it: ${labelText(wanted.label)} ${percent(stems.probability)} → ${percent(without)}`;
}
