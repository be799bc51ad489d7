import { beforeEach, expect, test, vi } from "vitest";
import { AudioSource } from "../src/sound/audioSource";
import { started } from "../src/sound/preview";
import { audibleSound } from "../src/sound/settings";
import { type Source, Transport } from "../src/sound/transport";
import { made, Player, withPlayers } from "./audioElement";

const link = { url: "/audio?1", expires_at: "2999-01-01T00:00:00Z" };
const silences: Player[] = [];
let session: { playbackState: string; position: MediaPositionState | undefined; press: (action: string, details?: object) => void; known: () => string[] };

/** What a browser's keys are given to. */
function newSession() {
  const actions = new Map<string, (details: object) => void>();
  return {
    playbackState: "none",
    position: undefined as MediaPositionState | undefined,
    setPositionState(position: MediaPositionState) {
      this.position = position;
    },
    setActionHandler(action: string, act: ((details: object) => void) | null) {
      if (action === "stop") throw new TypeError("no such action");
      if (act) actions.set(action, act);
      else actions.delete(action);
    },
    press: (action: string, details: object = {}) => actions.get(action)?.(details),
    known: () => [...actions.keys()],
  };
}

/** What Web Audio plays: no element of the page is heard. */
class Sounds implements Source {
  readonly startS = 0;
  readonly endS = 10;
  readonly streamed = false;
  readonly played: number[] = [];
  async play(fromS: number) {
    this.played.push(fromS);
  }
  pause() {}
  now() {
    return this.played.at(-1) ?? 0;
  }
  setSound() {}
  close() {}
}

withPlayers();
beforeEach(async () => {
  session = newSession();
  silences.length = 0;
  vi.stubGlobal("navigator", { mediaSession: session });
  vi.stubGlobal("document", {
    createElement: () => {
      const element = new Player();
      made.pop();
      silences.push(element);
      return element;
    },
  });
});

const streamed = (durationS = 60) => {
  const transport = new Transport(durationS);
  transport.setSource("recording", new AudioSource("/recording", 0, durationS, async () => undefined));
  return transport;
};

test("keys pause what is streamed, play it on and seek in it", async () => {
  const transport = streamed();
  await transport.play();
  await vi.advanceTimersByTimeAsync(1_000);
  expect([session.playbackState, session.position]).toEqual(["playing", { duration: 60, position: 0, playbackRate: 1 }]);
  session.press("pause");
  expect([session.playbackState, session.position?.position, transport.state.get().playing]).toEqual(["paused", expect.closeTo(1, 1), false]);
  session.press("seekto", { seekTime: 30 });
  expect([transport.time.get(), session.position?.position]).toEqual([30, 30]);
  session.press("play");
  await vi.advanceTimersByTimeAsync(1_000);
  expect([session.playbackState, transport.time.get()]).toEqual(["playing", expect.closeTo(31, 1)]);
  for (const [key, atS] of [["seekforward", 41], ["seekbackward", 31]] as const) {
    session.press(key);
    expect(transport.time.get()).toBeCloseTo(atS, 1);
  }
  transport.setSound({ speed: 0.5 });
  expect(session.position?.playbackRate).toBe(0.5);
  expect(silences).toEqual([]);
  transport.close();
  expect([session.playbackState, session.known()]).toEqual(["none", []]);
});

test("keys reach what Web Audio plays: an element without a sound plays beside it, and what pauses that one pauses all", async () => {
  const transport = streamed(10);
  const stems = new Sounds();
  transport.setSource("stems", stems);
  transport.switchTo("stems");
  await transport.play();
  const [silence] = silences;
  expect([silence?.paused, session.playbackState]).toEqual([false, "playing"]);
  expect(silence?.src).toMatch(/silence/);
  session.press("seekto", { seekTime: 4 });
  expect(stems.played).toEqual([0, 4]);
  session.press("pause");
  expect([silence?.paused, transport.state.get().playing]).toEqual([true, false]);
  session.press("play");
  await vi.advanceTimersByTimeAsync(100);
  expect([silence?.paused, transport.state.get().playing]).toEqual([false, true]);
  silence?.pause();
  await vi.advanceTimersByTimeAsync(100);
  expect(transport.state.get().playing).toBe(false);
  await transport.play();
  transport.switchTo("recording");
  await vi.advanceTimersByTimeAsync(100);
  expect([silence?.paused, transport.state.get().playing, silences.length]).toEqual([true, true, 1]);
  transport.close();
});

test("keys control what a list plays, and go from one to the next", async () => {
  const changed = vi.fn();
  const step = vi.fn();
  const end = started({ trackId: "trk_1", link, startS: 3, endS: 9 }, changed, step);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(session.position).toEqual({ duration: 6, position: 0, playbackRate: 1 });
  session.press("pause");
  expect(changed).toHaveBeenLastCalledWith(false, null);
  session.press("seekto", { seekTime: 4 });
  session.press("play");
  await vi.advanceTimersByTimeAsync(500);
  expect(changed).toHaveBeenLastCalledWith(true, null);
  expect(made[0]?.currentTime).toBeCloseTo(7.5, 1);
  session.press("nexttrack");
  session.press("previoustrack");
  expect(step.mock.calls).toEqual([[1], [-1]]);
  end();
  expect(session.known()).toEqual([]);
});

test("keys stay with the window of a review that is asked about", async () => {
  const transport = new Transport(8, audibleSound(), 6);
  transport.setSource("recording", new AudioSource("/recording", 0, 8, async () => undefined));
  transport.setLoop({ startS: 6, endS: 8 });
  await transport.play();
  for (const key of ["seekforward", "seekbackward"]) {
    session.press(key);
    await vi.advanceTimersByTimeAsync(500);
    expect(transport.time.get()).toBeCloseTo(6.5, 1);
  }
  expect(session.position).toEqual({ duration: 2, position: 0, playbackRate: 1 });
  transport.close();
});

test("what was played last has the keys, whatever else ends", async () => {
  const [first, last] = [streamed(), streamed()];
  await first.play();
  first.pause();
  await last.play();
  first.seek(20);
  first.close();
  expect([session.playbackState, session.position?.position]).toEqual(["playing", 0]);
  session.press("pause");
  expect(last.state.get().playing).toBe(false);
  last.close();
});
