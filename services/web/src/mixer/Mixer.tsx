import { useEffect, useMemo, useState } from "react";
import type { Stems, Track } from "../api/client";
import { inWords } from "../api/problem";
import { useStore } from "../sound/store";
import { useDesk } from "../sound/desk";
import type { Explanation } from "../state/explanation";
import { BadNote, Button, ProgressBar } from "../ui/controls";
import { percent, words } from "../ui/format";
import { StemsSource } from "./engine";
import { Export } from "./Export";
import { MasterMeter } from "./MasterMeter";
import { type Channel, changed, heard, type Mix, untouched } from "./mix";
import { type Loaded, useLoadedStems } from "./queries";
import { StemRow } from "./StemRow";

type Props = { track: Track; stems: Stems; explanation: Explanation };

/** One row per stem; what is heard is what would be exported. */
export function Mixer({ track, stems, explanation }: Props) {
  const { loaded, share, error } = useLoadedStems(stems);
  const names = useMemo(() => stems.stems.map(({ name }) => name), [stems]);
  const [mix, setMix] = useState<Mix>(() => untouched(names));
  const source = usePlayable(loaded, mix);
  const loudest = Math.max(0.01, ...stems.stems.map(({ peak }) => peak));
  const without = new Map(explanation.stems?.parts.map((part) => [part.name, part.without]));
  return (
    <div className="mixer">
      {error ? <BadNote>{inWords(error)}</BadNote> : null}
      {!loaded && !error ? <ProgressBar share={share} label="Loading the stems" /> : null}
      <ol aria-label="Stems">
        {stems.stems.map((stem) => (
          <StemRow
            key={stem.name}
            stem={stem}
            loudest={loudest}
            buffer={loaded?.buffers.get(stem.name)}
            channel={mix[stem.name] as Channel}
            silent={!heard(mix, stem.name)}
            without={lost(explanation, without.get(stem.name))}
            onChange={(change) => setMix((before) => changed(before, stem.name, change))}
          />
        ))}
      </ol>
      <div className="mixer__foot">
        <PlayStems ready={source !== null} />
        <MasterMeter source={source} />
        <Button onClick={() => setMix(untouched(names))}>Reset</Button>
        <Export track={track} mix={mix} />
        <Attribution explanation={explanation} />
      </div>
    </div>
  );
}

/** Puts the stems on the page's player as soon as they are decoded. */
function usePlayable(loaded: Loaded | null, mix: Mix): StemsSource | null {
  const { transport } = useDesk();
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
  const { transport } = useDesk();
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
  const { stems, wanted, asking, askStems } = explanation;
  if (stems) return <p className="small quiet mixer__reading">{words(stems.reading.replaceAll("*", ""))}</p>;
  if (!wanted) return null;
  return (
    <Button disabled={asking} onClick={askStems}>
      {asking ? "Listening …" : `Which stem is ${words(wanted.label)}?`}
    </Button>
  );
}

/** What becomes of the label when a stem is taken away. */
function lost({ stems, wanted }: Explanation, without: number | undefined): string | null {
  if (!stems || !wanted || without === undefined) return null;
  return `without it: ${words(wanted.label)} ${percent(stems.probability)} → ${percent(without)}`;
}
