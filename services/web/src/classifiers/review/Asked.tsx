import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import type { Transport } from "../../sound/transport";
import { useStore } from "../../sound/store";
import { Button, IconButton } from "../../ui/controls";
import { labelText, time } from "../../ui/format";
import { useKeys } from "../../ui/keys";
import type { QueuedWindow } from "../queries";
import { counted, reasonText } from "../words";
import { keyOf, type Reply } from "./answers";
import { OtherLabel } from "./OtherLabel";
import { useLoopedWindow } from "./sound";

type Props = {
  window: QueuedWindow;
  labels: readonly string[];
  left: number;
  answer: (reply: Reply) => void;
  skip: () => void;
  undo: (() => void) | null;
  last: string | null;
};

/** One window: it plays again and again until it is answered, by keys or buttons. */
export function Asked({ window, labels, left, answer, skip, undo, last }: Props) {
  const transport = useLoopedWindow(window);
  const [choosing, setChoosing] = useState<string | null>(null);
  const key = keyOf(window);
  const open = choosing === key;
  const say = (reply: Reply) => {
    setChoosing(null);
    answer(reply);
  };
  const keys: Record<string, (() => void) | null> = {
    y: () => say("yes"),
    n: () => say("no"),
    o: () => setChoosing(key),
    s: skip,
    u: undo,
    " ": () => void transport.toggle(),
    Escape: open ? () => setChoosing(null) : null,
  };
  useKeys((event) => {
    const act = event.repeat ? null : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    act?.();
    return Boolean(act);
  });
  return (
    <section className="asked" aria-labelledby="asked">
      <div className="asked__sound">
        <Player transport={transport} window={window} />
        <div className="asked__text">
          <h2 id="asked" className="asked__label">
            {labelText(window.label)}?
          </h2>
          <p>{reasonText(window)}</p>
          <p className="small quiet clip">
            <Link href={`/tracks/${window.track_id}`}>{window.filename}</Link>, {time(window.start_s)} – {time(window.end_s)} · {counted(left, "window")} to ask about
          </p>
        </div>
      </div>
      {open ? <OtherLabel labels={labels} asked={window.label} choose={(other) => say({ other })} cancel={() => setChoosing(null)} /> : null}
      <div className="asked__answers" role="group" aria-label={`Is it ${labelText(window.label)}?`}>
        <Answer name="Yes" letter="y" main onClick={() => say("yes")} />
        <Answer name="No" letter="n" onClick={() => say("no")} />
        <Answer name="Other" letter="o" expanded={open} onClick={() => setChoosing(open ? null : key)} />
        <Answer name="Skip" letter="s" onClick={skip} />
        <Answer name="Undo" letter="u" disabled={!undo} onClick={() => undo?.()} />
      </div>
      <p className="small quiet">{last ? `Last answer: ${last}.` : "Space plays and pauses."}</p>
    </section>
  );
}

type AnswerProps = { name: string; letter: string; main?: boolean; expanded?: boolean; disabled?: boolean; onClick: () => void };

function Answer({ name, letter, main = false, expanded, disabled = false, onClick }: AnswerProps) {
  return (
    <Button main={main} disabled={disabled} aria-keyshortcuts={letter} aria-expanded={expanded} onClick={onClick}>
      {name} <kbd>{letter}</kbd>
    </Button>
  );
}

function Player({ transport, window: { start_s, end_s, filename } }: { transport: Transport; window: QueuedWindow }) {
  const { playing, waiting, problem } = useStore(transport.state);
  const on = playing || waiting;
  const bar = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      transport.time.subscribe(() => {
        const share = (transport.time.get() - start_s) / (end_s - start_s);
        if (bar.current) bar.current.style.transform = `scaleX(${Math.min(1, Math.max(0, share))})`;
      }),
    [transport, start_s, end_s],
  );
  return (
    <div className="asked__player">
      <IconButton className="button--round" icon={on ? "pause" : "play"} label={`${on ? "Pause" : "Play"} ${filename}`} onClick={() => void transport.toggle()} />
      <div className="asked__bar" aria-hidden="true">
        <div ref={bar} />
      </div>
      {problem ? (
        <span role="alert" className="small asked__problem">
          {problem}
        </span>
      ) : null}
    </div>
  );
}
