import { levelDb, SILENCE_DB } from "../sound/level";
import { Store } from "../sound/store";
import { askBeforeLeaving } from "../ui/leaving";

/** What was recorded, and has not been added to the library. */
export type Take = { content: Blob; name: string; seconds: number };

/** The state of a recording from the microphone. */
export type Recording = {
  phase: "off" | "starting" | "recording" | "paused" | "done";
  /** The length so far, without its pauses. */
  seconds: number;
  /** Whether nothing was heard for two seconds. */
  silent: boolean;
  take: Take | null;
  problem: string | null;
};

const OFF: Recording = { phase: "off", seconds: 0, silent: false, take: null, problem: null };
const TICK_MS = 100;
// Below -80 dBFS there is not even the noise of a microphone that is on.
const NOTHING = 1e-4;
const SILENT_MS = 2_000;
const METER_SAMPLES = 8_192;
const PIECE_MS = 1_000;
const MINUTE_MS = 60_000;

/** Records from the microphone. What was recorded is kept until it is taken or discarded, whatever page is shown. */
export class Microphone {
  readonly state = new Store<Recording>(OFF);
  #open: Open | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #attempt = 0;

  async start(): Promise<void> {
    this.discard();
    this.state.set({ ...OFF, phase: "starting" });
    const attempt = this.#attempt;
    try {
      const open = await opened();
      if (attempt !== this.#attempt) {
        release(open);
        return;
      }
      this.#begin(open);
    } catch (error) {
      if (attempt === this.#attempt) this.state.set({ ...OFF, problem: refusal(error) });
    }
  }

  pause(): void {
    if (this.state.get().phase !== "recording") return;
    this.#open?.recorder.pause();
    this.state.update({ phase: "paused", silent: false });
  }

  resume(): void {
    if (this.state.get().phase !== "paused") return;
    this.#open?.recorder.resume();
    this.state.update({ phase: "recording" });
  }

  /** Ends the recording. It is kept as a take. */
  stop(): void {
    if (this.state.get().phase === "starting") this.discard();
    else this.#open?.recorder.stop();
  }

  /** Ends and forgets everything. */
  discard(): void {
    this.#attempt += 1;
    const open = this.#open;
    this.#end();
    if (open) release(open);
    askBeforeLeaving("recording", false);
    this.state.set(OFF);
  }

  /** The level now, in dBFS, at least -60. */
  readonly level = (): number => {
    if (!this.#open || this.state.get().phase !== "recording") return SILENCE_DB;
    return levelDb(heard(this.#open));
  };

  #begin(open: Open): void {
    const pieces: Blob[] = [];
    const { recorder } = open;
    this.#open = open;
    recorder.ondataavailable = ({ data }) => data.size && pieces.push(data);
    recorder.onstop = () => {
      release(open);
      if (this.#open !== open) return;
      const { seconds } = this.state.get();
      this.#end();
      // A recorder that has stopped need not say any more what it wrote.
      const type = pieces[0]?.type || "audio/webm";
      this.state.set({ ...OFF, phase: "done", seconds, take: { content: new Blob(pieces, { type }), name: nameAt(new Date()), seconds } });
    };
    recorder.start(PIECE_MS);
    askBeforeLeaving("recording", true);
    this.state.update({ phase: "recording" });
    this.#count(open);
  }

  /** Counts seconds that are recorded, and those without a sound. */
  #count(open: Open): void {
    let [last, silentMs] = [performance.now(), 0];
    this.#timer = setInterval(() => {
      const now = performance.now();
      const passedMs = now - last;
      last = now;
      const { phase, seconds } = this.state.get();
      if (phase !== "recording") return;
      const nothing = heard(open).every((value) => Math.abs(value) < NOTHING);
      silentMs = nothing ? silentMs + passedMs : 0;
      this.state.update({ seconds: seconds + passedMs / 1000, silent: silentMs >= SILENT_MS });
    }, TICK_MS);
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#open = null;
  }
}

/** The page's microphone. */
export const microphone = new Microphone();

/** A take as a file with a name; without one, by its own. */
export function fileOf({ content, name }: Take, chosen: string): File {
  const suffix = content.type.includes("mp4") ? "m4a" : content.type.includes("ogg") ? "ogg" : "webm";
  const plain = chosen.trim().replaceAll(/[/\\\p{Cc}]/gu, "-") || name;
  return new File([content], `${plain}.${suffix}`, { type: content.type });
}

type Open = { recorder: MediaRecorder; context: AudioContext; meter: AnalyserNode; samples: Float32Array<ArrayBuffer> };

async function opened(): Promise<Open> {
  // Speech filters would remove the sounds that are to be analysed.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext();
  const meter = new AnalyserNode(context, { fftSize: METER_SAMPLES });
  context.createMediaStreamSource(stream).connect(meter);
  void context.resume();
  return { recorder: new MediaRecorder(stream), context, meter, samples: new Float32Array(METER_SAMPLES) };
}

function heard({ meter, samples }: Open): Float32Array {
  meter.getFloatTimeDomainData(samples);
  return samples;
}

function release({ recorder, context }: Open): void {
  for (const track of recorder.stream.getTracks()) track.stop();
  if (context.state !== "closed") void context.close();
}

/** What a recording of a time is called: by the clock of whoever records. */
export function nameAt(when: Date): string {
  const local = new Date(when.getTime() - when.getTimezoneOffset() * MINUTE_MS);
  return `recording ${local.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", "-")}`;
}

function refusal(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The browser does not allow this page to use the microphone.";
  if (name === "NotFoundError") return "No microphone was found.";
  return "The microphone works only over https or on localhost.";
}
