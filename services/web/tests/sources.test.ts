import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StemsSource } from "../src/mixer/engine";
import { ClickedSource } from "../src/sound/clickedSource";
import type { SoundSettings } from "../src/sound/settings";
import type { Source } from "../src/sound/transport";

const SOUND: SoundSettings = { speed: 1, keepsPitch: false, volume: 1, muted: false, band: null };
const started: object[] = [];
let resumed: () => void = () => undefined;

/** A node of an audio context, of which only what starts matters. */
class AnyNode {
  gain = { value: 1, setTargetAtTime: () => undefined, cancelScheduledValues: () => undefined };
  frequency = { ...this.gain };
  Q = { ...this.gain };
  connect<T>(to: T): T {
    return to;
  }
  disconnect(): void {}
  stop(): void {}
  start(): void {
    started.push(this);
  }
}

/** A context that sounds only once it was resumed, as in a browser before anything was pressed. */
const context = {
  currentTime: 0,
  sampleRate: 8_000,
  destination: new AnyNode(),
  createBuffer: (_: number, length: number) => ({ duration: length / 8_000, getChannelData: () => new Float32Array(length) }),
  resume: () =>
    new Promise<void>((done) => {
      resumed = done;
    }),
};
const buffer = { duration: 2, numberOfChannels: 1, sampleRate: 8_000, getChannelData: () => new Float32Array(16_000) };

const SOURCES: [string, () => Source][] = [
  ["stems", () => new StemsSource(context as unknown as AudioContext, new Map([["drums", buffer as unknown as AudioBuffer]]))],
  ["clicks", () => new ClickedSource(context as unknown as AudioContext, buffer as unknown as AudioBuffer, { beats: [], downbeats: [] }, 2)],
];

const NODES = ["AnalyserNode", "AudioBufferSourceNode", "BiquadFilterNode", "ChannelMergerNode", "ChannelSplitterNode", "GainNode"];

describe("stems", () => {
  beforeEach(() => {
    started.length = 0;
    context.currentTime = 0;
    for (const name of NODES) vi.stubGlobal(name, AnyNode);
  });
  afterEach(() => {
    context.currentTime = 0;
    vi.unstubAllGlobals();
  });

  it("click on the beats that are still to come when clicks are added, and no more when they are taken away", async () => {
    const source = new StemsSource(context as unknown as AudioContext, new Map([["drums", buffer as unknown as AudioBuffer]]));
    const play = source.play(0);
    resumed();
    await play;
    context.currentTime = 1.03;
    source.setClicks({ beats: [0.5, 0.9, 1.1, 1.5, 3.9, 4.5], downbeats: [1.5] });
    expect(started).toHaveLength(1 + 3);
    source.setClicks(null);
    source.pause();
    const again = source.play(0);
    resumed();
    await again;
    expect(started).toHaveLength(1 + 3 + 1);
    source.close();
  });
});

describe.each(SOURCES)("a source of %s whose context is not resumed yet", (_, made) => {
  beforeEach(() => {
    started.length = 0;
    for (const name of NODES) vi.stubGlobal(name, AnyNode);
  });
  afterEach(() => void vi.unstubAllGlobals());

  it("stays silent when it was paused meanwhile", async () => {
    const source = made();
    const play = source.play(0);
    source.pause();
    resumed();
    await play;
    expect(started).toEqual([]);
  });

  it("plays when it was only set otherwise meanwhile", async () => {
    const source = made();
    const play = source.play(0);
    source.setSound({ ...SOUND, speed: 1.5 });
    resumed();
    await play;
    expect(started).toHaveLength(1);
    source.close();
  });
});
