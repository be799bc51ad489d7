import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { audibleSound, rememberVolume, type SoundSettings } from "../src/sound/settings";
import { type Source, Transport } from "../src/sound/transport";

/** Plays nothing, and keeps time. */
class Clock implements Source {
  readonly streamed = true;
  playing = false;
  closed = false;
  settings: SoundSettings | null = null;
  onFailure: ((problem: string) => void) | undefined;
  #at = 0;
  #since = 0;

  constructor(
    readonly startS: number,
    readonly endS: number,
  ) {}

  async play(fromS: number): Promise<void> {
    this.playing = true;
    this.#at = fromS;
    this.#since = Date.now();
  }

  pause(): void {
    this.playing = false;
  }

  close(): void {
    this.playing = false;
    this.closed = true;
  }

  setSound(settings: SoundSettings): void {
    this.settings = settings;
  }

  now(): number {
    return Math.min(this.endS, this.#at + (Date.now() - this.#since) / 1000);
  }
}

/** Loads each place that it is played from until it is let on; meanwhile its clock runs on from where it was. */
class Held extends Clock {
  readonly places: number[] = [];
  holds = false;
  letOn: () => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  override async play(fromS: number): Promise<void> {
    this.places.push(fromS);
    if (this.holds) {
      await new Promise<void>((resolve, reject) => {
        this.letOn = resolve;
        this.fail = reject;
      });
    }
    await super.play(fromS);
  }
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

describe("the player", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("continues with another source at the same position", async () => {
    const transport = new Transport(10);
    const [recording, evidence] = [new Clock(0, 10), new Clock(0, 10)];
    transport.setSource("recording", recording);
    transport.setSource("evidence", evidence);
    await transport.play();
    await vi.advanceTimersByTimeAsync(2_000);
    transport.switchTo("evidence");
    await vi.advanceTimersByTimeAsync(1_000);
    expect([recording.playing, evidence.playing]).toEqual([false, true]);
    expect(transport.time.get()).toBeCloseTo(3, 1);
  });

  it("stays within its loop", async () => {
    const transport = new Transport(10);
    transport.setSource("recording", new Clock(0, 10));
    transport.setLoop({ startS: 4, endS: 5 });
    await transport.play();
    for (let step = 0; step < 40; step += 1) {
      await vi.advanceTimersByTimeAsync(100);
      expect(transport.time.get()).toBeGreaterThanOrEqual(4);
      expect(transport.time.get()).toBeLessThan(5.05);
    }
  });

  it("plays a part of a recording from its start, and is sought within it", async () => {
    const transport = new Transport(8, audibleSound(), 6);
    transport.setSource("recording", new Clock(0, 8));
    await transport.play();
    expect(transport.time.get()).toBe(6);
    transport.setLoop({ startS: 6, endS: 8 });
    for (const [toS, atS] of [[0, 6], [7, 7], [20, 6]] as const) {
      transport.seek(toS);
      await vi.advanceTimersByTimeAsync(500);
      expect([transport.time.get(), transport.state.get().loop]).toEqual([expect.closeTo(atS + 0.5, 1), { startS: 6, endS: 8 }]);
    }
    transport.setLoop(null);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(transport.state.get().playing).toBe(false);
    await transport.play();
    expect(transport.time.get()).toBe(6);
  });

  it("leaves its loop when it is sought outside of it, and then plays on from there", async () => {
    const transport = new Transport(10);
    transport.setSource("recording", new Clock(0, 10));
    transport.setLoop({ startS: 4, endS: 5 });
    transport.seek(4.5);
    expect(transport.state.get().loop).toEqual({ startS: 4, endS: 5 });
    transport.seek(7);
    expect(transport.state.get().loop).toBeNull();
    await transport.play();
    await vi.advanceTimersByTimeAsync(500);
    expect(transport.time.get()).toBeCloseTo(7.5, 1);
  });

  it("has all sources play alike, those that come later too, within what is possible", () => {
    const transport = new Transport(10);
    const [recording, stems] = [new Clock(0, 10), new Clock(0, 10)];
    transport.setSource("recording", recording);
    transport.setSound({ speed: 7, keepsPitch: false, volume: -1 });
    transport.setSource("stems", stems);
    for (const source of [recording, stems]) expect(source.settings).toMatchObject({ speed: 2, keepsPitch: false, volume: 0 });
    transport.setSound({ speed: 0.1, volume: 0.5 });
    expect(stems.settings).toMatchObject({ speed: 0.5, keepsPitch: false, volume: 0.5 });
  });

  it("ends with the recording and starts again from its beginning", async () => {
    const transport = new Transport(1);
    transport.setSource("recording", new Clock(0, 1));
    await transport.play();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(transport.state.get().playing).toBe(false);
    await transport.play();
    await vi.advanceTimersByTimeAsync(200);
    expect(transport.time.get()).toBeCloseTo(0.2, 1);
  });

  it("plays a source that covers a part from where that part starts", async () => {
    const transport = new Transport(60);
    const evidence = new Clock(20, 30);
    transport.setSource("evidence", evidence);
    transport.switchTo("evidence");
    await transport.play();
    expect(transport.time.get()).toBe(20);
  });

  it("waits for a source that has not loaded, unless it was paused", async () => {
    const transport = new Transport(10);
    const recording = new Clock(0, 10);
    await transport.play();
    transport.setSource("recording", recording);
    await vi.advanceTimersByTimeAsync(50);
    expect(recording.playing).toBe(true);
    transport.pause();
    expect(transport.state.get().ready).toEqual(["recording"]);
    expect(recording.playing).toBe(false);
  });

  it("does not play when it was paused while its source loaded", async () => {
    const transport = new Transport(10);
    const recording = new Clock(0, 10);
    const { promise, resolve: loaded } = deferred();
    recording.play = () => promise;
    transport.setSource("recording", recording);
    const played = transport.play();
    expect(transport.state.get()).toMatchObject({ playing: false, waiting: true });
    transport.pause();
    loaded();
    await played;
    expect(transport.state.get()).toMatchObject({ playing: false, waiting: false });
  });

  describe("while its source loads", () => {
    const playing = async (fromS: number) => {
      const transport = new Transport(10);
      const recording = new Held(0, 10);
      transport.setSource("recording", recording);
      transport.seek(fromS);
      await transport.play();
      await vi.advanceTimersByTimeAsync(500);
      recording.holds = true;
      return { transport, recording };
    };

    it("stands where it was sought to, and stays there when it is paused", async () => {
      const { transport, recording } = await playing(2);
      transport.seek(8);
      await vi.advanceTimersByTimeAsync(500);
      expect([transport.time.get(), transport.state.get().waiting]).toEqual([8, true]);
      transport.pause();
      recording.letOn();
      await vi.advanceTimersByTimeAsync(500);
      expect(transport.time.get()).toBe(8);
    });

    it("forgets no seek while what was played comes to its end", async () => {
      const { transport, recording } = await playing(9);
      transport.seek(3);
      await vi.advanceTimersByTimeAsync(2_000);
      recording.letOn();
      await vi.advanceTimersByTimeAsync(500);
      expect(transport.state.get()).toMatchObject({ playing: true, waiting: false });
      expect(transport.time.get()).toBeCloseTo(3.5, 1);
    });

    it("stands where another source takes over", async () => {
      const { transport } = await playing(6);
      const other = new Held(0, 10);
      other.holds = true;
      transport.setSource("recording", other);
      const at = transport.time.get();
      await vi.advanceTimersByTimeAsync(500);
      expect([at, transport.time.get()]).toEqual([expect.closeTo(6.5, 1), at]);
      transport.seek(at + 1);
      expect(other.places).toEqual([at, at + 1]);
    });

    it("asks for the start of its loop once, and has no problem when another source takes over meanwhile", async () => {
      const { transport, recording } = await playing(4);
      transport.setLoop({ startS: 4, endS: 5 });
      await vi.advanceTimersByTimeAsync(2_000);
      expect([recording.places, transport.time.get()]).toEqual([[4, 4], 4]);
      transport.setSource("recording", new Clock(0, 10));
      recording.fail(new DOMException("the part is not needed", "AbortError"));
      await vi.advanceTimersByTimeAsync(500);
      expect(transport.state.get()).toMatchObject({ playing: true, problem: null });
      expect(transport.time.get()).toBeCloseTo(4.5, 1);
    });

    it("waits for a source that is not there", async () => {
      const { transport, recording } = await playing(4);
      transport.switchTo("stems");
      await vi.advanceTimersByTimeAsync(500);
      expect([recording.playing, transport.state.get().waiting]).toEqual([false, true]);
      transport.setSource("stems", new Clock(0, 10));
      await vi.advanceTimersByTimeAsync(500);
      expect(transport.time.get()).toBeCloseTo(5, 1);
    });
  });

  it("stops and says why when its source breaks off, but not for a source that it does not play", async () => {
    const transport = new Transport(10);
    const [recording, evidence] = [new Clock(0, 10), new Clock(0, 10)];
    transport.setSource("recording", recording);
    transport.setSource("evidence", evidence);
    await transport.play();
    evidence.onFailure?.("gone");
    expect(transport.state.get()).toMatchObject({ playing: true, problem: null });
    recording.onFailure?.("gone");
    expect(transport.state.get()).toMatchObject({ playing: false, problem: "gone" });
    await transport.play();
    expect(transport.state.get()).toMatchObject({ playing: true, problem: null });
  });

  it("closes a source that another replaces, and all when it is closed", () => {
    const transport = new Transport(10);
    const [first, second] = [new Clock(0, 10), new Clock(0, 10)];
    transport.setSource("recording", first);
    transport.setSource("recording", second);
    expect([first.closed, second.closed]).toEqual([true, false]);
    transport.close();
    expect(second.closed).toBe(true);
  });

  it("reports why a source cannot be played", async () => {
    const transport = new Transport(1);
    const broken = new Clock(0, 1);
    broken.play = () => Promise.reject(new Error("no such format"));
    transport.setSource("recording", broken);
    await transport.play();
    expect(transport.state.get()).toMatchObject({ playing: false, problem: "no such format" });
  });

  it("is heard where nothing could unmute it", () => {
    const kept = new Map<string, string>();
    vi.stubGlobal("localStorage", { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => void kept.set(name, value) });
    rememberVolume({ ...new Transport(1).sound.get(), volume: 0.4, muted: true });
    expect(new Transport(1).sound.get()).toMatchObject({ volume: 0.4, muted: true });
    expect(new Transport(1, audibleSound()).sound.get()).toMatchObject({ volume: 0.4, muted: false });
    rememberVolume({ ...audibleSound(), volume: 0 });
    expect(audibleSound()).toMatchObject({ volume: 1, muted: false });
    vi.unstubAllGlobals();
  });
});
