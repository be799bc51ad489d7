import { expect, test, vi } from "vitest";
import { started } from "../src/sound/preview";
import { made, Player, withPlayers } from "./audioElement";
import { PageRequest } from "./pageRequest";

const link = { url: "/audio?1", expires_at: "2999-01-01T00:00:00Z" };

withPlayers();

test("a part ends where it ends", async () => {
  const changed = vi.fn();
  started({ trackId: "trk_1", link, startS: 3, endS: 5 }, changed);
  await vi.advanceTimersByTimeAsync(1_900);
  expect(changed).toHaveBeenLastCalledWith(true, null);
  await vi.advanceTimersByTimeAsync(200);
  expect(changed).toHaveBeenLastCalledWith(false, null);
});

test("a headset or a media key pauses it, and plays it on from where it was", async () => {
  const changed = vi.fn();
  const end = started({ trackId: "trk_1", link, startS: 2 }, changed);
  await vi.advanceTimersByTimeAsync(1_000);
  made[0]?.pause();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(changed).toHaveBeenLastCalledWith(false, null);
  await made[0]?.play();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(changed).toHaveBeenLastCalledWith(true, null);
  expect(made[0]?.currentTime).toBeCloseTo(4, 1);
  end();
  expect(vi.getTimerCount()).toBe(0);
});

test("one that was ended says nothing of its end", async () => {
  const changed = vi.fn();
  const end = started({ trackId: "trk_1", link, endS: 5 }, changed);
  await vi.advanceTimersByTimeAsync(1_000);
  changed.mockClear();
  end();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(changed).not.toHaveBeenCalled();
  expect(made[0]?.src).toBe("");
});

test("what a browser does not play is played as the copy that was made of it", async () => {
  Player.broken.add(link.url);
  const describe = { task: "describe", playback: { id: "art_1", url: "/copy?1" } };
  const items = [{ audio_track: 2, result: { ...describe, playback: { url: "/other" } } }, { audio_track: null, result: describe }];
  vi.stubGlobal("fetch", ({ url }: Request) => Promise.resolve(Response.json(url.endsWith("/results") ? { items } : { audio: link })));
  vi.stubGlobal("Request", PageRequest);
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.resetModules();
  const anew = await import("../src/sound/preview");
  const changed = vi.fn();
  anew.started({ trackId: "trk_1", link, startS: 2, endS: 4 }, changed);
  // Answers are read in the machine's own time.
  for (let tries = 0; tries < 500 && made.at(-1)?.src !== "/copy?1"; tries += 1) await vi.advanceTimersByTimeAsync(0);
  expect(made.at(-1)?.src).toBe("/copy?1");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(made.at(-1)?.currentTime).toBeCloseTo(3, 1);
  expect(made.slice(0, -1).map(({ src }) => src)).not.toContain(link.url);
  expect(changed.mock.calls).toEqual([[true, null]]);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(changed).toHaveBeenLastCalledWith(false, null);
});
