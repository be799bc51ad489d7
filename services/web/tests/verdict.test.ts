import { expect, test } from "vitest";
import { checksOf, verdictText } from "../src/track/verdict";

const good = { deletion: 0.2, random_deletion: 0.5, insertion: 0.7, random_insertion: 0.4, randomised: 0.1 };
const outcomes = (change: Partial<typeof good>) => checksOf({ ...good, ...change }).map(({ outcome }) => outcome);

test("checks pass, are doubtful within chance, or fail, each by itself", () => {
  expect(outcomes({})).toEqual(["passes", "passes", "passes"]);
  expect(outcomes({ deletion: 0.48, insertion: 0.42, randomised: 0.6 })).toEqual(["doubtful", "doubtful", "doubtful"]);
  expect(outcomes({ deletion: 0.9, insertion: 0.1, randomised: 0.95 })).toEqual(["fails", "fails", "fails"]);
});

test("the verdict names the worst", () => {
  const verdict = (change: Partial<typeof good>) => verdictText(checksOf({ ...good, ...change }));
  expect(verdict({})).toBe("All 3 checks pass: it shows what the model went by.");
  expect(verdict({ deletion: 0.5 })).toBe("1 of 3 checks is doubtful: believe it with care.");
  expect(verdict({ deletion: 0.5, insertion: 0.1 })).toBe("1 of 3 checks fails: take this map with a grain of salt.");
});
