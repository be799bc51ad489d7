import { describe, expect, it, vi } from "vitest";
import { AudioSource } from "../src/sound/audioSource";
import { made, Player, withPlayers } from "./audioElement";

const sounding = () => made.filter((player) => !player.paused).map(({ src }) => src);

describe("a streamed sound", () => {
  withPlayers();

  const nothing = () => Promise.resolve(undefined);

  it("plays on by a renewed link without a break and at the same position", async () => {
    const source = new AudioSource("/audio?1", 10, 3_610, nothing);
    await source.play(40);
    await vi.advanceTimersByTimeAsync(2_000);
    source.renew("/audio?2");
    const started = source.now();
    for (let step = 1; step <= 100; step += 1) {
      await vi.advanceTimersByTimeAsync(20);
      expect(sounding()).not.toEqual([]);
      expect(source.now()).toBeCloseTo(started + step * 0.02, 1);
    }
    expect(sounding()).toEqual(["/audio?2"]);
    expect(made[0]?.src).toBe("");
  });

  it("keeps speed, pitch and volume, and its position at that speed, when its link is renewed", async () => {
    const source = new AudioSource("/audio?1", 0, 3_600, nothing);
    source.setSound({ speed: 2, keepsPitch: false, volume: 0.25, muted: true, band: null });
    await source.play(40);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(source.now()).toBeCloseTo(42, 3);
    source.renew("/audio?2");
    for (let step = 1; step <= 50; step += 1) {
      await vi.advanceTimersByTimeAsync(20);
      expect(source.now()).toBeCloseTo(42 + step * 0.04, 1);
    }
    expect(sounding()).toEqual(["/audio?2"]);
    expect(made[1]).toMatchObject({ playbackRate: 2, defaultPlaybackRate: 2, preservesPitch: false, volume: 0.25, muted: true });
  });

  it("keeps its position and stays silent when its link is renewed while it is paused", async () => {
    const source = new AudioSource("/audio?1", 0, 60, nothing);
    await source.play(7);
    await vi.advanceTimersByTimeAsync(1_000);
    source.pause();
    source.renew("/audio?2");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(source.now()).toBe(8);
    expect(sounding()).toEqual([]);
    await source.play(8);
    expect(sounding()).toEqual(["/audio?2"]);
  });

  it("is silent after a pause, and where it was sought, also while a renewed link still loads", async () => {
    const source = new AudioSource("/audio?1", 0, 60, nothing);
    await source.play(7);
    source.renew("/audio?2");
    source.pause();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sounding()).toEqual([]);
    await source.play(7);
    source.renew("/audio?3");
    await source.play(30);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sounding()).toEqual(["/audio?3"]);
    expect(source.now()).toBeCloseTo(32, 3);
  });

  it("plays on by the link before when the browser does not let the renewed one start by itself", async () => {
    const source = new AudioSource("/audio?1", 0, 60, nothing);
    await source.play(7);
    source.renew("/audio?2");
    const [, next] = made;
    if (next) next.play = () => Promise.reject(new DOMException("a gesture is needed", "NotAllowedError"));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sounding()).toEqual(["/audio?1"]);
    expect(source.now()).toBeCloseTo(9, 3);
    source.pause();
    expect(source.now()).toBeCloseTo(9, 3);
    expect(sounding()).toEqual([]);
  });

  it("reads its link again and plays on when the link has expired while it played", async () => {
    const source = new AudioSource("/audio?1", 0, 60, () => Promise.resolve("/audio?2"));
    const failed = vi.fn();
    source.onFailure = failed;
    await source.play(7);
    await vi.advanceTimersByTimeAsync(1_000);
    made[0]?.breakOff();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sounding()).toEqual(["/audio?2"]);
    expect(source.now()).toBeCloseTo(9, 1);
    expect(failed).not.toHaveBeenCalled();
  });

  it("plays by a new link when its link had expired before", async () => {
    Player.broken.add("/audio?1");
    const source = new AudioSource("/audio?1", 0, 60, () => Promise.resolve("/audio?2"));
    await source.play(7);
    expect(sounding()).toEqual(["/audio?2"]);
    expect(source.now()).toBe(7);
  });

  it("says that it broke off when there is no new link, and plays again when there is one", async () => {
    let url: string | undefined;
    const source = new AudioSource("/audio?1", 0, 60, () => Promise.resolve(url));
    const failed = vi.fn(() => source.pause());
    source.onFailure = failed;
    await source.play(7);
    await vi.advanceTimersByTimeAsync(1_000);
    made[0]?.breakOff();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(failed).toHaveBeenCalledTimes(1);
    url = "/audio?2";
    await source.play(8);
    expect(sounding()).toEqual(["/audio?2"]);
  });

  it("says that it broke off when another link breaks off at the same place", async () => {
    let links = 1;
    const source = new AudioSource("/audio?1", 0, 60, () => Promise.resolve(`/audio?${++links}`));
    const failed = vi.fn(() => source.pause());
    source.onFailure = failed;
    await source.play(7);
    await vi.advanceTimersByTimeAsync(1_000);
    made[0]?.breakOff();
    await vi.advanceTimersByTimeAsync(1_500);
    made[1]?.breakOff();
    await vi.advanceTimersByTimeAsync(500);
    expect(failed).not.toHaveBeenCalled();
    expect(sounding()).toEqual(["/audio?3"]);
    made[2]?.breakOff();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(failed).toHaveBeenCalledTimes(1);
    expect(links).toBe(3);
    await source.play(7);
    expect(sounding()).toEqual(["/audio?4"]);
  });

  it.each(["/audio?2", undefined])("does and says nothing more after it was closed while its link was read again, which gave %s", async (url) => {
    let give: (url: string | undefined) => void = () => undefined;
    const source = new AudioSource("/audio?1", 0, 60, () => new Promise((resolve) => (give = resolve)));
    const failed = vi.fn();
    source.onFailure = failed;
    await source.play(7);
    await vi.advanceTimersByTimeAsync(1_000);
    made[0]?.breakOff();
    source.close();
    give(url);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(failed).not.toHaveBeenCalled();
    expect(made.map(({ src }) => src)).toEqual([""]);
  });

  it("tells a pause and a start from outside from its own, and from a link that takes over", async () => {
    const source = new AudioSource("/audio?1", 0, 60, nothing);
    const [paused, played] = [vi.fn(), vi.fn()];
    source.onPause = paused;
    source.onPlay = played;
    await source.play(7);
    source.renew("/audio?2");
    await vi.advanceTimersByTimeAsync(2_000);
    source.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    await source.play(7);
    expect(paused).not.toHaveBeenCalled();
    made[1]?.pause();
    await vi.advanceTimersByTimeAsync(0);
    expect(paused).toHaveBeenCalledTimes(1);
    source.pause();
    expect(played).not.toHaveBeenCalled();
    await made[1]?.play();
    await vi.advanceTimersByTimeAsync(0);
    expect(played).toHaveBeenCalledTimes(1);
  });

  it("says when the recording cannot be fetched", async () => {
    Player.broken.add("/audio?1");
    const source = new AudioSource("/audio?1", 0, 60, () => Promise.reject(new TypeError("no connection")));
    await expect(source.play(0)).rejects.toThrow("The recording cannot be fetched now.");
  });

  it("says when the browser cannot play it", async () => {
    Player.broken.add("/audio?1");
    const source = new AudioSource("/audio?1", 0, 60, () => Promise.resolve("/audio?1"));
    await expect(source.play(0)).rejects.toThrow("This browser cannot play the recording's format.");
    expect(made).toHaveLength(2);
  });

  it("can be processed by Web Audio where its link redirects to another origin", () => {
    const source = new AudioSource("/audio?1", 0, 60, nothing);
    expect(made[0]?.crossOrigin).toBe("anonymous");
    source.close();
    expect(made[0]?.src).toBe("");
  });
});
