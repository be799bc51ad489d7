import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetOwn } from "../src/api/own";
import { begun, settled, stepped, undone } from "../src/mixer/history";
import { keepMix, keptMix } from "../src/mixer/kept";
import {
  isAudible,
  isNeutral,
  mixdownOptions,
  mixOf,
  neutralMix,
  QUIETEST_DB,
  stereoGains,
  withChannel,
  withSoloAlone,
} from "../src/mixer/mix";
import { extremesOf, outline, outlineOfSamples } from "../src/mixer/outline";
import { levelDb } from "../src/sound/level";

const MIX = neutralMix(["drums", "bass", "vocals"]);

describe("the mixer", () => {
  it("plays a stem of the neutral mix as it is in the recording", () => {
    const [left, right] = stereoGains(MIX, "bass");
    expect(left).toBeCloseTo(1, 12);
    expect(right).toBeCloseTo(1, 12);
  });

  it("pans with constant power, as the exported mix does", () => {
    for (const pan of [-1, -0.4, 0, 0.7, 1]) {
      const [left, right] = stereoGains(withChannel(MIX, "bass", { pan }), "bass");
      expect(left ** 2 + right ** 2).toBeCloseTo(2, 9);
      expect(left).toBeCloseTo(Math.SQRT2 * Math.cos(((pan + 1) * Math.PI) / 4), 12);
    }
  });

  it("converts decibels to gains", () => {
    expect(stereoGains(withChannel(MIX, "bass", { gainDb: -20 }), "bass")[0]).toBeCloseTo(0.1, 9);
    expect(stereoGains(withChannel(MIX, "bass", { gainDb: QUIETEST_DB }), "bass")).toEqual([0, 0]);
  });

  it("lets solo silence the others and mute silence itself", () => {
    const solo = withChannel(MIX, "drums", { solo: true });
    expect(["drums", "bass", "vocals"].map((name) => isAudible(solo, name))).toEqual([true, false, false]);
    const both = withChannel(solo, "drums", { muted: true });
    expect(["drums", "bass", "vocals"].map((name) => isAudible(both, name))).toEqual([false, false, false]);
    const two = withChannel(solo, "bass", { solo: true });
    expect(isAudible(two, "bass")).toBe(true);
  });

  it("exports the mix that is played", () => {
    const mix = withChannel(withChannel(MIX, "drums", { solo: true, gainDb: 3 }), "bass", { pan: 0.5 });
    expect(mixdownOptions(mix)).toEqual({
      gains_db: { drums: 3, bass: QUIETEST_DB, vocals: QUIETEST_DB },
      pan: { drums: 0, bass: 0.5, vocals: 0 },
    });
  });

  it("measures levels", () => {
    const sine = Float32Array.from({ length: 4_410 }, (_, at) => Math.sin((2 * Math.PI * at) / 44.1));
    expect(levelDb(sine)).toBeCloseTo(-3.01, 1);
    expect(levelDb(new Float32Array(64))).toBe(QUIETEST_DB);
  });

  it("draws every sample of both channels, also of a stem that is on the right alone", () => {
    const right = Float32Array.from([0.5, -0.25, 0, -1, 0.125, 0]);
    for (const channels of [[right], [new Float32Array(6), right], [right, new Float32Array(6)]]) {
      const sound = { numberOfChannels: channels.length, length: 6, duration: 6, getChannelData: (channel: number) => channels[channel] as Float32Array<ArrayBuffer> };
      const coarse = outline(sound, 3);
      expect([0, 1, 2].map((at) => extremesOf(coarse, at, at + 1))).toEqual([[-0.25, 0.5], [-1, 0], [0, 0.125]]);
      expect(extremesOf(outlineOfSamples(sound), 1, 4)).toEqual([-1, 0]);
    }
  });
});

describe("a stem alone", () => {
  const solos = (mix: typeof MIX) => Object.keys(mix).filter((name) => mix[name]?.solo);

  it("silences all others, those that were solo too, and a second time nothing", () => {
    const several = withChannel(withChannel(MIX, "drums", { solo: true }), "bass", { solo: true });
    const alone = withSoloAlone(several, "vocals");
    expect(solos(alone)).toEqual(["vocals"]);
    expect(solos(withSoloAlone(several, "bass"))).toEqual(["bass"]);
    expect(solos(withSoloAlone(alone, "vocals"))).toEqual([]);
  });
});

describe("undoing", () => {
  const at = (gainDb: number) => withChannel(MIX, "drums", { gainDb });

  it("takes a whole drag back, and one change after the other", () => {
    let history = begun(MIX);
    for (const gainDb of [-1, -2, -3]) history = stepped(history, at(gainDb), "drums gainDb");
    history = settled(history);
    history = stepped(history, at(-6), "drums gainDb");
    history = stepped(history, withChannel(at(-6), "bass", { pan: 1 }), "bass pan");
    const gains = [];
    for (let step = 0; step < 5; step += 1) {
      gains.push(history.mix.drums?.gainDb);
      history = undone(history);
    }
    expect(gains).toEqual([-6, -6, -3, 0, 0]);
    expect(history.mix).toBe(MIX);
  });

  it("takes a double click back as a whole, its first press too", () => {
    const pressed = settled(stepped(begun(at(5)), at(-24), "drums gainDb"));
    const reset = stepped(pressed, at(0), "drums gainDb", true);
    expect(undone(reset).mix.drums?.gainDb).toBe(5);
  });
});

describe("a mix that is kept", () => {
  const kept = new Map<string, string>();
  const storage = {
    get length() {
      return kept.size;
    },
    key: (at: number) => [...kept.keys()][at] ?? null,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
  let key: string | null = null;

  beforeEach(() => {
    kept.clear();
    vi.stubGlobal("localStorage", storage);
    vi.stubGlobal("sessionStorage", { getItem: (name: string) => (name.includes("signouts") ? "0" : key), setItem: () => undefined });
    key = "psk_one";
  });
  afterEach(() => void vi.unstubAllGlobals());

  it("is there for the owner of the key, by track, and for nobody after a sign-out", () => {
    const mix = withChannel(MIX, "drums", { gainDb: -7.5, pan: 0.3, muted: true });
    keepMix("trk_1", mix);
    expect(keptMix("trk_1", Object.keys(MIX))).toEqual(mix);
    expect(isNeutral(keptMix("trk_2", Object.keys(MIX)))).toBe(true);
    expect([...kept.keys(), ...kept.values()].join()).not.toContain("psk_one");
    key = "psk_two";
    expect(isNeutral(keptMix("trk_1", Object.keys(MIX)))).toBe(true);
    keepMix("trk_1", withChannel(MIX, "bass", { solo: true }));
    kept.set("phonoscope.theme", "dark");
    forgetOwn();
    expect([...kept.keys()]).toEqual(["phonoscope.theme"]);
  });

  it("is kept of a bounded number of tracks, and is not kept when it is neutral", () => {
    for (let track = 0; track < 150; track += 1) keepMix(`trk_${track}`, withChannel(MIX, "drums", { muted: true }));
    expect(isNeutral(keptMix("trk_0", Object.keys(MIX)))).toBe(true);
    expect(isNeutral(keptMix("trk_149", Object.keys(MIX)))).toBe(false);
    keepMix("trk_149", MIX);
    expect([...kept.values()].join()).not.toContain("trk_149");
  });

  it("is neutral where what is stored cannot be a mix", () => {
    for (const text of ["", "{", "7", "[1]", '[["trk_1", null]]', '[["trk_1", {"drums": null, "bass": 3}]]']) {
      kept.clear();
      keepMix("trk_1", withChannel(MIX, "drums", { muted: true }));
      for (const name of [...kept.keys()]) kept.set(name, text);
      expect(isNeutral(keptMix("trk_1", Object.keys(MIX)))).toBe(true);
    }
    expect(mixOf({ drums: { gainDb: 99, pan: Number.NaN, muted: "yes" } }, ["drums"])).toEqual({
      drums: { gainDb: 12, pan: 0, muted: false, solo: false },
    });
  });
});
