import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StemsSource } from "../src/mixer/engine";
import { ClickedSource } from "../src/sound/clickedSource";
import type { SoundSettings } from "../src/sound/settings";
import type { Source } from "../src/sound/transport";

const SOUND: SoundSettings = { speed: 1, keepsPitch: false, volume: 1, muted: false, band: null };
const started: unknown[][] = [];
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
  start(...when: unknown[]): void {
    started.push(when);
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
  ["clicks", () => new ClickedSource(context as unknown as AudioContext, () => Promise.resolve(buffer as unknown as AudioBuffer), 2)],
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

describe("a recording that is played in parts", () => {
  const loaded: number[] = [];
  let broken = false;
  const load = (number: number) => {
    loaded.push(number);
    return broken ? Promise.reject(new Error("no connection")) : Promise.resolve(buffer as unknown as AudioBuffer);
  };
  const playing = async (fromS: number, settings: SoundSettings) => {
    const source = new ClickedSource(context as unknown as AudioContext, load, 3_600);
    source.setSound(settings);
    const play = source.play(fromS);
    resumed();
    await play;
    await vi.advanceTimersByTimeAsync(0);
    return source;
  };
  /** Time passes in the context as it does for the page's timers. */
  const pass = async (seconds: number) => {
    context.currentTime += seconds;
    await vi.advanceTimersByTimeAsync(1_000 * seconds);
  };

  beforeEach(() => {
    loaded.length = 0;
    started.length = 0;
    broken = false;
    context.currentTime = 100;
    vi.useFakeTimers();
    for (const name of NODES) vi.stubGlobal(name, AnyNode);
  });
  afterEach(() => {
    context.currentTime = 0;
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("goes on with the next part to the sample, which is loaded as one begins to be heard", async () => {
    const source = await playing(59, { ...SOUND, speed: 2 });
    const begun = started[0]?.[0] as number;
    expect(started).toEqual([[begun, 29, 1]]);
    expect([begun * 8_000, begun > 100]).toEqual([Math.round(begun * 8_000), true]);
    await pass(0.1);
    expect(started.slice(1)).toEqual([[begun + 0.5, 0, 30]]);
    await pass(0.5);
    expect(started.slice(2)).toEqual([[begun + 15.5, 0, 30]]);
    expect(loaded).toEqual([1, 2, 3]);
    expect(source.now()).toBeCloseTo(60 + 2 * (100.6 - begun - 0.5), 6);
    source.close();
    await pass(60);
    expect(started).toHaveLength(3);
  });

  it("stands still where the next part is late, and goes on with it", async () => {
    const source = await playing(59, SOUND);
    broken = true;
    await pass(0.5);
    broken = false;
    context.currentTime += 5;
    expect(source.now()).toBe(60);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(started.at(-1)?.slice(1)).toEqual([0, 30]);
    expect(started.at(-1)?.[0]).toBeGreaterThan(context.currentTime);
    expect(source.now()).toBe(60);
    source.close();
  });

  it("says that it broke off when there is none", async () => {
    const source = await playing(59, SOUND);
    const failed = vi.fn(() => source.pause());
    source.onFailure = failed;
    broken = true;
    await pass(0.5);
    expect(failed).not.toHaveBeenCalled();
    await pass(1);
    expect(failed).toHaveBeenCalledTimes(1);
    source.close();
  });

  it("keeps the parts that were heard last", async () => {
    const source = await playing(15, SOUND);
    for (const fromS of [16, 10, 45, 16]) {
      const play = source.play(fromS);
      resumed();
      await play;
    }
    await vi.advanceTimersByTimeAsync(0);
    expect(loaded).toEqual([0, 1]);
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
    await vi.waitFor(() => expect(started).toHaveLength(1));
    source.close();
  });
});
