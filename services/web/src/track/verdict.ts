/** The figures of a check of evidence, 0 to 1; `randomised` is a similarity, −1 to 1. */
export type Trust = { deletion: number; random_deletion: number; insertion: number; random_insertion: number; randomised: number };
export type Outcome = "passes" | "doubtful" | "fails";
export type Check = { name: string; outcome: Outcome; value: number; random: number | null; why: string };

// Differences of probability that chance makes.
const CLOSE = 0.05;
const ALIKE = 0.8;
const SOMEWHAT_ALIKE = 0.5;

/** The three checks, each with its outcome and what it means. */
export function checksOf(trust: Trust): Check[] {
  return [
    {
      name: "Taking it away",
      outcome: outcomeOf(trust.random_deletion - trust.deletion, CLOSE),
      value: trust.deletion,
      random: trust.random_deletion,
      why: "The brightest spots are silenced step by step. The label should become less probable than when random spots are.",
    },
    {
      name: "Hearing it alone",
      outcome: outcomeOf(trust.insertion - trust.random_insertion, CLOSE),
      value: trust.insertion,
      random: trust.random_insertion,
      why: "The brightest spots are added to silence step by step. The label should become more probable than with random spots.",
    },
    {
      name: "Forgetting what was learned",
      outcome: trust.randomised > ALIKE ? "fails" : trust.randomised > SOMEWHAT_ALIKE ? "doubtful" : "passes",
      value: trust.randomised,
      random: null,
      why: "How alike the map of a network with a random last block is. It should be another map, far from 1.",
    },
  ];
}

/** The outcome of all checks in one sentence. */
export function verdictText(checks: readonly Check[]): string {
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length;
  if (count("fails")) return `${counted(count("fails"), checks.length, "fails", "fail")}: take this map with a grain of salt.`;
  if (count("doubtful")) return `${counted(count("doubtful"), checks.length, "is doubtful", "are doubtful")}: believe it with care.`;
  return `All ${checks.length} checks pass: it shows what the model went by.`;
}

function counted(count: number, of: number, one: string, many: string): string {
  return `${count} of ${of} checks ${count === 1 ? one : many}`;
}

function outcomeOf(better: number, close: number): Outcome {
  if (better > close) return "passes";
  return better < -close ? "fails" : "doubtful";
}
