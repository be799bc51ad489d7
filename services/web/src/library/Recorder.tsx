import { useEffect, useRef, useState } from "react";
import { LevelMeter } from "../sound/LevelMeter";
import { useStore } from "../sound/store";
import { Button } from "../ui/controls";
import { time } from "../ui/format";
import { fileOf, microphone, type Take } from "./microphone";
import "./recorder.css";
import { addFiles } from "./uploads";

// Decoded, a minute of stereo takes 23 MB.
const MOST_HEARD_S = 900;

/** Starts a recording from the microphone. */
export function RecordButton() {
  const { phase } = useStore(microphone.state);
  return (
    <Button icon="microphone" disabled={phase !== "off"} onClick={() => void microphone.start()}>
      Record
    </Button>
  );
}

/** A recording from the microphone while it is made, and until it is added to the library. */
export function Recorder() {
  const { phase, take, problem } = useStore(microphone.state);
  // Nobody would see on another page that it records.
  useEffect(() => () => microphone.stop(), []);
  if (problem) {
    return (
      <p className="note note--bad" role="alert">
        {problem}
      </p>
    );
  }
  if (take) return <Review take={take} />;
  return phase === "off" ? null : <Running />;
}

function Running() {
  const { phase, seconds, silent } = useStore(microphone.state);
  const on = phase === "recording";
  return (
    <div className="recorder" role="group" aria-label="Recording">
      <LevelMeter label="Level of the microphone" level={on ? microphone.level : null} />
      <span className="recorder__time" role="timer">
        {time(seconds, 0)}
      </span>
      {phase === "starting" ? null : (
        <Button icon={on ? "pause" : "microphone"} onClick={() => (on ? microphone.pause() : microphone.resume())}>
          {on ? "Pause" : "Go on"}
        </Button>
      )}
      <Button icon="stop" main onClick={() => microphone.stop()}>
        Stop
      </Button>
      <span className="recorder__state small" role="status">
        {phase === "starting" ? "Waiting for the microphone …" : silent ? "The microphone is silent. Is it the right one, and is it on?" : on ? "" : "Paused."}
      </span>
    </div>
  );
}

/** Listens to what was recorded and names it before it is added. */
function Review({ take }: { take: Take }) {
  const [name, setName] = useState(take.name);
  return (
    <form
      className="recorder"
      aria-label="New recording"
      onSubmit={(event) => {
        event.preventDefault();
        addFiles([fileOf(take, name)]);
        microphone.discard();
      }}
    >
      <Listen take={take} />
      <span className="recorder__time">{time(take.seconds, 0)}</span>
      <input className="field recorder__name" aria-label="Name of the recording" maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <Button main type="submit">
        Add to the library
      </Button>
      <Button onClick={() => microphone.discard()}>Discard</Button>
      <span className="recorder__state small" role="status">
        It is in this page alone until you add it: do not close the page.
      </span>
    </form>
  );
}

function Listen({ take }: { take: Take }) {
  const [playing, setPlaying] = useState(false);
  const [problem, setProblem] = useState(false);
  const context = useRef<AudioContext | null>(null);
  const stop = () => {
    void context.current?.close();
    context.current = null;
    setPlaying(false);
  };
  useEffect(() => () => void context.current?.close(), []);
  const play = async () => {
    const own = new AudioContext();
    context.current = own;
    setPlaying(true);
    setProblem(false);
    try {
      const buffer = await own.decodeAudioData(await take.content.arrayBuffer());
      if (context.current !== own) return;
      const player = new AudioBufferSourceNode(own, { buffer });
      player.connect(own.destination);
      player.onended = () => {
        if (context.current === own) stop();
      };
      player.start();
    } catch {
      if (context.current !== own) return;
      stop();
      setProblem(true);
    }
  };
  if (take.seconds > MOST_HEARD_S) return <span className="small quiet">too long to play here</span>;
  return (
    <>
      <Button icon={playing ? "stop" : "play"} onClick={() => (playing ? stop() : void play())}>
        {playing ? "Stop listening" : "Listen"}
      </Button>
      {problem ? <span className="small upload__bad">This browser cannot play it.</span> : null}
    </>
  );
}
