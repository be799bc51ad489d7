import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StemsSource } from "../src/mixer/engine";
import { ClickedSource } from "../src/sound/clickedSource";
import type { SoundSettings } from "../src/sound/settings";
import type { Source } from "../src/sound/transport";

const SOUND: SoundSettings = { speed: 1, keepsPitch: false, volume: 1, muted: false, band: null };
const started: unknown[][] = [];
const players: AnyNode[] = [];
const stopped: AnyNode[] = [];
let resumed: () => void = () => undefined;

/** A node of an audio context, of which only what starts matters. */
class AnyNode {
  gain = { value: 1, setTargetAtTime: () => undefined, cancelScheduledValues: () => undefined };
  frequency = { ...this.gain };
  Q = { ...this.gain };
  onended: (() => void) | null = null;
  connect<T>(to: T): T {
    return to;
  }
  disconnect(): void {}
  stop(): void {
    stopped.push(this);
  }
  start(...when: unknown[]): void {
    started.push(when);
    players.push(this);
  }
}

/** A context that sounds only once it was resumed, as in a browser before anything was pressed. */
const context = {
  currentTime: 0,
  sampleRate: 8_000,
  destination: new AnyNode(),
  close: () => Promise.resolve(),
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
  const aborted: number[] = [];
  let broken = false;
  let held = false;
  let letOn: () => void = () => undefined;
  const load = async (number: number, signal: AbortSignal) => {
    loaded.push(number);
    signal.addEventListener("abort", () => aborted.push(number));
    if (broken) throw new Error("no connection");
    await new Promise<void>((resolve, reject) => {
      letOn = resolve;
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      if (!held) resolve();
    });
    return buffer as unknown as AudioBuffer;
  };
  const playing = async (fromS: number, settings: SoundSettings, partsEndS = 3_600) => {
    const source = new ClickedSource(context as unknown as AudioContext, load, 3_600, partsEndS);
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
    for (const kept of [loaded, aborted, started, players, stopped]) kept.length = 0;
    broken = false;
    held = false;
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

  it("stands where it will begin while the part there is loaded", async () => {
    const source = await playing(59, SOUND);
    await pass(0.5);
    held = true;
    const play = source.play(600);
    resumed();
    await pass(5);
    expect([source.now(), started.length]).toEqual([600, 2]);
    letOn();
    await play;
    await vi.advanceTimersByTimeAsync(0);
    await pass(1.03);
    expect(source.now()).toBeCloseTo(601, 1);
    source.close();
  });

  it("loads one part at a time, and none that is not needed any more", async () => {
    const source = await playing(15, SOUND);
    held = true;
    await pass(0.1);
    for (const fromS of [400, 800, 1_200]) {
      void source.play(fromS);
      resumed();
      await pass(0.1);
    }
    expect([loaded, aborted]).toEqual([
      [0, 1, 13, 26, 40],
      [1, 13, 26],
    ]);
    await pass(60);
    expect(loaded).toHaveLength(5);
    source.close();
    expect(aborted).toContain(40);
  });

  it("goes on loading the next part where it is played again from one that is there", async () => {
    const source = await playing(15, SOUND);
    held = true;
    await pass(0.1);
    for (const fromS of [16, 10]) {
      const play = source.play(fromS);
      resumed();
      await play;
      await pass(0.1);
    }
    expect([loaded, aborted]).toEqual([[0, 1], []]);
    source.close();
  });

  it("schedules nothing while the context's clock stands, and pause stops all that was scheduled", async () => {
    const source = await playing(15, SOUND);
    await pass(0.1);
    expect(players).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(300_000);
    expect([players.length, loaded]).toEqual([2, [0, 1]]);
    source.pause();
    expect(stopped).toEqual(players);
    source.close();
  });

  it("lets go of what has ended", async () => {
    const source = await playing(15, SOUND);
    await pass(0.1);
    players[0]?.onended?.();
    source.pause();
    expect(stopped).toEqual([players[1]]);
    source.close();
  });

  it("starts no clicks while it waits for a part, and starts them with it", async () => {
    const source = await playing(59.9, SOUND);
    const beats = { beats: Array.from({ length: 300 }, (_, at) => at / 2), downbeats: [] };
    held = true;
    await pass(0.1);
    await pass(1);
    const count = players.length;
    source.setClicks(beats);
    await pass(1);
    expect(players).toHaveLength(count);
    letOn();
    await vi.advanceTimersByTimeAsync(0);
    await pass(0.1);
    expect(players.length).toBeGreaterThan(count + 3);
    expect(source.now()).toBeCloseTo(60.07, 3);
    source.close();
  });

  it("stands where its parts end before the recording does, without clicks", async () => {
    const source = await playing(59, SOUND, 60);
    source.setClicks({ beats: Array.from({ length: 300 }, (_, at) => at / 2), downbeats: [] });
    await pass(2);
    const count = players.length;
    await pass(60);
    expect([loaded, source.now(), players.length]).toEqual([[1], 60, count]);
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
