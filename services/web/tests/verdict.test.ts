import { expect, test } from "vitest";
import { checksOf, verdictText } from "../src/state/verdict";

const good = { deletion: 0.2, random_deletion: 0.5, insertion: 0.7, random_insertion: 0.4, randomised: 0.1 };
const outcomes = (change: Partial<typeof good>) => checksOf({ ...good, ...change }).map(({ outcome }) => outcome);

test("checks pass, are doubtful within chance, or fail, each by itself", () => {
  expect(outcomes({})).toEqual(["passes", "passes", "passes"]);
  expect(outcomes({ deletion: 0.48, insertion: 0.42, randomised: 0.6 })).toEqual(["doubtful", "doubtful", "doubtful"]);
  expect(outcomes({ deletion: 0.9, insertion: 0.1, randomised: 0.95 })).toEqual(["fails", "fails", "fails"]);
});

test("the verdict is one sentence that names the worst", () => {
  const verdict = (change: Partial<typeof good>) => verdictText(checksOf({ ...good, ...change }));
  expect(verdict({})).toBe("It passes: all 3 checks agree that the amber is what the model went by.");
  expect(verdict({ deletion: 0.5 })).toBe("It is doubtful: 1 of 3 checks is not clear, so believe this amber with care.");
  expect(verdict({ deletion: 0.5, insertion: 0.1 })).toBe("It fails: 1 of 3 checks fails, so do not rely on this amber.");
  expect(verdict({ deletion: 0.9, insertion: 0.1 })).toBe("It fails: 2 of 3 checks fail, so do not rely on this amber.");
});

test("figures are shares in percent, as all probabilities of the page are", () => {
  const [deletion, insertion, random] = checksOf({ ...good, randomised: -0.3 }).map(({ figures }) => figures);
  expect(deletion).toBe("20 % are left; after other spots 50 %");
  expect(insertion).toBe("70 % are back; with other spots 40 %");
  expect(random).toBe("0 % alike");
});
