import { useEffect, useMemo, useState } from "react";
import type { Stems, Track } from "../api/client";
import { isSharedPage } from "../api/credential";
import { errorText } from "../api/problem";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { Explanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { ErrorNote, Button, IconButton, ProgressBar } from "../ui/controls";
import { percent, labelText, shownFilename, time } from "../ui/format";
import { announce } from "../ui/live";
import { StemsSource } from "./engine";
import { Export } from "./Export";
import { begun, settled, stepped, undone } from "./history";
import { keepMix, keptMix } from "./kept";
import { Meter } from "./Meter";
import { type Channel, isAudible, type Mix, neutralMix, withChannel, withSoloAlone } from "./mix";
import { type Loaded, useLoadedStems } from "./queries";
import { StemRow } from "./StemRow";

type Props = { track: Track; stems: Stems; explanation: Explanation };

/** One row per stem. Playback and the exported mix have the same gains. */
export function Mixer({ track, stems, explanation }: Props) {
  const { loaded, share, error } = useLoadedStems(stems);
  const visiting = isSharedPage();
  const names = useMemo(() => stems.stems.map(({ name }) => name), [stems]);
  const { mix, change, undo, settle, canUndo } = useMix(track.id, names, !visiting);
  const source = usePlayable(loaded, mix);
  const loudest = Math.max(0.01, ...stems.stems.map(({ peak }) => peak));
  const without = new Map(explanation.stems?.parts.map((part) => [part.name, part.without]));
  return (
    <div
      className="mixer"
      role="group"
      aria-label="Mixer"
      onPointerUp={() => !isTyping() && settle()}
      onKeyUp={() => !isTyping() && settle()}
      onBlur={settle}
      onKeyDown={(event) => {
        if (event.key.toLowerCase() !== "z" || event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        undo();
      }}
    >
      <div className="mixer__state">
        {error ? <ErrorNote>{errorText(error)}</ErrorNote> : null}
        {!loaded && !error ? <ProgressBar share={share} label="Loading the stems" /> : null}
      </div>
      <ol aria-label="Stems">
        {stems.stems.map((stem) => {
          const { name } = stem;
          const set = (to: Partial<Channel>, resets = false) => change((now) => withChannel(now, name, to), `${name} ${Object.keys(to).join()}`, resets);
          return (
            <StemRow
              recording={shownFilename(track)}
              key={name}
              stem={stem}
              loudest={loudest}
              buffer={loaded?.buffers.get(name)}
              source={source}
              channel={mix[name] as Channel}
              silent={!isAudible(mix, name)}
              without={withoutText(explanation, without.get(name))}
              onChange={(to) => set(to)}
              onReset={(to) => set(to, true)}
              onAlone={() => change((now) => withSoloAlone(now, name), `${name} alone`)}
            />
          );
        })}
      </ol>
      <div className="mixer__foot">
        <PlayStems ready={source !== null} />
        <Meter source={source} />
        <IconButton icon="undo" label="Undo the last change of the mix" disabled={!canUndo} onClick={undo} />
        <Button onClick={() => change(() => neutralMix(names), "all")}>Reset</Button>
        {visiting ? null : <Export track={track} mix={mix} />}
        <Attribution explanation={explanation} />
      </div>
    </div>
  );
}

/** Whether a number is being typed: all its digits are one change. */
function isTyping(): boolean {
  return document.activeElement instanceof HTMLInputElement && document.activeElement.type === "number";
}

/** The mix of a track, kept where it is the owner's, and what undoes its changes. */
function useMix(trackId: string, names: readonly string[], keeps: boolean) {
  const [first] = useState(() => begun(keeps ? keptMix(trackId, names) : neutralMix(names)));
  const [history, setHistory] = useState(first);
  const { mix, earlier } = history;
  useEffect(() => {
    if (keeps && history !== first) keepMix(trackId, mix);
  }, [keeps, trackId, history, first, mix]);
  return {
    mix,
    canUndo: earlier.length > 0,
    /** A reset joins the presses of the double click that asked for it. */
    change: (to: (mix: Mix) => Mix, what: string, resets = false) =>
      setHistory((before) => stepped(before, to(before.mix), what, before.open || resets)),
    settle: () => setHistory(settled),
    undo: () => {
      setHistory(undone);
      announce("Undone");
    },
  };
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
  const { stems, wanted, explainingStems, explainStems } = explanation;
  const mayWrite = useMayWrite();
  if (stems) {
    const where = `These are of one window, ${time(stems.start_s)} – ${time(stems.end_s)}.`;
    return (
      <p className="small quiet mixer__reading">
        {labelText(stems.reading.replaceAll("*", ""))} {where}
      </p>
    );
  }
  if (!wanted || !mayWrite) return null;
  return (
    <Button disabled={explainingStems} onClick={explainStems}>
      {explainingStems ? "Computing …" : `Which stem is ${labelText(wanted.label)}?`}
    </Button>
  );
}

/** The label's probability with and without a stem, as text. */
function withoutText({ stems, wanted }: Explanation, without: number | undefined): string | null {
  if (!stems || !wanted || without === undefined) return null;
  return `without it: ${labelText(wanted.label)} ${percent(stems.probability)} → ${percent(without)}`;
}
