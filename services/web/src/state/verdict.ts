import { percent, time } from "../ui/format";
import { type ResultOf, strongestOf } from "./results";

/** The figures of a check of evidence, 0 to 1; `randomised` is a similarity, −1 to 1. */
export type Trust = { deletion: number; random_deletion: number; insertion: number; random_insertion: number; randomised: number };
export type Outcome = "passes" | "doubtful" | "fails";
export type Check = { name: string; outcome: Outcome; figures: string; why: string };

// Differences of probability that chance makes.
const CLOSE = 0.05;
const ALIKE = 0.8;
const SOMEWHAT_ALIKE = 0.5;

/** The three checks, each with its outcome, its figures and what it means. */
export function checksOf(trust: Trust): Check[] {
  return [
    {
      name: "Without the amber spots",
      outcome: outcomeOf(trust.random_deletion - trust.deletion, CLOSE),
      figures: `${percent(trust.deletion)} are left; after other spots ${percent(trust.random_deletion)}`,
      why: "Where the amber is brightest, the sound is taken away bit by bit: the label should lose more than when any other spots are taken away.",
    },
    {
      name: "The amber spots alone",
      outcome: outcomeOf(trust.insertion - trust.random_insertion, CLOSE),
      figures: `${percent(trust.insertion)} are back; with other spots ${percent(trust.random_insertion)}`,
      why: "Where the amber is brightest, the sound is put into silence bit by bit: the label should come back sooner than with any other spots.",
    },
    {
      name: "A network that forgot",
      outcome: trust.randomised > ALIKE ? "fails" : trust.randomised > SOMEWHAT_ALIKE ? "doubtful" : "passes",
      figures: `${percent(Math.max(0, trust.randomised))} alike`,
      why: "The last part of the network is scrambled, so that it knows no label: its amber should look different, else it shows the sound and not what was learned.",
    },
  ];
}

/** The worst outcome of all. */
export function worstOf(checks: readonly Check[]): Outcome {
  const has = (outcome: Outcome) => checks.some((check) => check.outcome === outcome);
  return has("fails") ? "fails" : has("doubtful") ? "doubtful" : "passes";
}

/** The outcome of all checks in one sentence. */
export function verdictText(checks: readonly Check[]): string {
  const worst = worstOf(checks);
  const count = checks.filter(({ outcome }) => outcome === worst).length;
  const some = `${count} of ${checks.length} checks`;
  if (worst === "fails") return `It fails: ${some} ${count === 1 ? "fails" : "fail"}, so do not rely on this amber.`;
  if (worst === "doubtful") return `It is doubtful: ${some} ${count === 1 ? "is" : "are"} not clear, so believe this amber with care.`;
  return `It passes: all ${checks.length} checks agree that the amber is what the model went by.`;
}

/** What the figures of the checks are of; nothing where no window was checked. */
export function figuresText(windows: ResultOf<"explain">["windows"]): string {
  const checked = strongestOf(windows);
  if (!checked) return "";
  return `The figures are of the label's probability, on average while the spots change, in one window: ${time(checked.start_s)} – ${time(checked.end_s)}.`;
}

function outcomeOf(better: number, close: number): Outcome {
  if (better > close) return "passes";
  return better < -close ? "fails" : "doubtful";
}
