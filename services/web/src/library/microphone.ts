import { useEffect, useRef, useState } from "react";

/** The state of a recording from the microphone; `seconds` is its length so far. */
export type Microphone = {
  recording: boolean;
  seconds: number;
  problem: string | null;
  start: () => Promise<void>;
  stop: () => void;
};

/** Records from the microphone. Calls `recorded` with a file when a recording stops. */
export function useMicrophone(recorded: (file: File) => void): Microphone {
  const recorder = useRef<MediaRecorder | null>(null);
  const [since, setSince] = useState<number | null>(null);
  const [seconds, setSeconds] = useState(0);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    if (since === null) return;
    const timer = setInterval(() => setSeconds((performance.now() - since) / 1000), 200);
    return () => clearInterval(timer);
  }, [since]);
  useEffect(() => () => release(recorder.current), []);

  const start = async () => {
    setProblem(null);
    try {
      recorder.current = await openRecorder((file) => recorded(file), () => setSince(null));
      setSeconds(0);
      setSince(performance.now());
    } catch (error) {
      setProblem(refusal(error));
    }
  };
  return { recording: since !== null, seconds, problem, start, stop: () => recorder.current?.stop() };
}

async function openRecorder(recorded: (file: File) => void, ended: () => void): Promise<MediaRecorder> {
  // Speech filters would remove the sounds that are to be analysed.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const recorder = new MediaRecorder(stream);
  const pieces: Blob[] = [];
  recorder.ondataavailable = ({ data }) => data.size && pieces.push(data);
  recorder.onstop = () => {
    release(recorder);
    ended();
    const type = recorder.mimeType || "audio/webm";
    recorded(new File(pieces, fileName(type, new Date()), { type }));
  };
  recorder.start(1_000);
  return recorder;
}

function release(recorder: MediaRecorder | null): void {
  for (const track of recorder?.stream.getTracks() ?? []) track.stop();
}

function fileName(type: string, when: Date): string {
  const stamp = when.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", "-");
  const suffix = type.includes("mp4") ? "m4a" : type.includes("ogg") ? "ogg" : "webm";
  return `recording ${stamp}.${suffix}`;
}

function refusal(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The browser does not allow this page to use the microphone.";
  if (name === "NotFoundError") return "No microphone was found.";
  return "The microphone works only over https or on localhost.";
}
