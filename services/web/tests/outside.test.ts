import { describe, expect, it, vi } from "vitest";
import { AudioSource } from "../src/sound/audioSource";
import type { SourceName } from "../src/sound/transport";
import { Transport } from "../src/sound/transport";
import { made, withPlayers } from "./audioElement";

/** A recording of a minute that plays from 10 s on, and further sounds of it that can. */
async function playing(...others: SourceName[]): Promise<Transport> {
  const transport = new Transport(60);
  for (const name of ["recording", ...others] as const) transport.setSource(name, new AudioSource(`/${name}`, 0, 60, async () => undefined));
  transport.seek(10);
  await transport.play();
  await vi.advanceTimersByTimeAsync(1_000);
  return transport;
}

describe("the player and a headset or media key", () => {
  withPlayers();

  it("pauses with it, and where it is plays on with it", async () => {
    const transport = await playing();
    made[0]?.pause();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(transport.state.get()).toMatchObject({ playing: false, waiting: false });
    expect(transport.time.get()).toBeCloseTo(11, 1);
    await made[0]?.play();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(transport.state.get().playing).toBe(true);
    expect(transport.time.get()).toBeCloseTo(12, 1);
  });

  it("does not begin by itself what is paused before it plays", async () => {
    const transport = await playing();
    transport.pause();
    const [element] = made;
    if (element) {
      element.play = () => {
        element.paused = false;
        element.pause();
        return new Promise((_, reject) => setTimeout(() => reject(new DOMException("paused", "AbortError")), 10));
      };
    }
    void transport.play();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(transport.state.get()).toMatchObject({ playing: false, waiting: false, problem: null });
  });

  it("keeps one sound at a time: another one that is played from outside is paused", async () => {
    const transport = await playing("evidence");
    transport.switchTo("evidence");
    await vi.advanceTimersByTimeAsync(1_000);
    await made[0]?.play();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(made.map(({ paused }) => paused)).toEqual([true, false]);
    expect(transport.state.get()).toMatchObject({ playing: true, source: "evidence" });
  });

  it("goes round a loop whose end is the end of the sound", async () => {
    const transport = await playing();
    transport.setLoop({ startS: 55, endS: 60 });
    transport.seek(59);
    await vi.advanceTimersByTimeAsync(985);
    made[0]?.finish();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(transport.state.get().playing).toBe(true);
    expect(transport.time.get()).toBeCloseTo(56, 0);
  });
});
