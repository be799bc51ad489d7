import { expect, test } from "vitest";
import { adviceOf, keyDoubt, otherTempos, tempoDoubt } from "../src/state/doubt";

test("a tempo and a key say how sure they are", () => {
  expect([0.8, 0.4, 0.1].map(tempoDoubt)).toEqual(["sure, 80 %", "fairly sure, 40 %", "unsure, 10 %"]);
  expect([0.5, 0.2, 0.01].map(keyDoubt)).toEqual(["sure, 50 % ahead of the next", "fairly sure, 20 % ahead of the next", "unsure, 1 % ahead of the next"]);
});

test("other tempos are named by what they are of the first", () => {
  const candidates = [118, 59.2, 236, 177, 97].map((bpm) => ({ bpm, strength: 0.2 }));
  expect(otherTempos({ tempo_bpm: 118, tempo_candidates: candidates })).toEqual([
    "59 bpm, half as fast (20 %)",
    "236 bpm, twice as fast (20 %)",
    "177 bpm, half as fast again (20 %)",
    "97 bpm (20 %)",
  ]);
  expect(otherTempos({ tempo_bpm: null, tempo_candidates: [] })).toEqual([]);
});

test("advice names the bands beyond the genre's spread, the furthest first, with sign and unit", () => {
  const band = (name: string, difference_db: number | null, spread_db = 2) => ({ name, difference_db, spread_db });
  const bands = [band("bass", 3), band("mid", 1.9), band("presence", -4.25), band("brilliance", null)];
  expect(adviceOf({ genre: "pop", named: false, source: "", reading: "", bands })).toEqual([
    { name: "presence", differenceDb: -4.25, text: "4.3 dB below what pop usually has" },
    { name: "bass", differenceDb: 3, text: "3.0 dB above what pop usually has" },
  ]);
});
