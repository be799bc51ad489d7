import { type RefObject, useState } from "react";
import { ROOT_PATH } from "../api/root";
import { useMayWrite } from "../state/mayWrite";
import { Button } from "../ui/controls";
import { useFocusBack } from "../ui/focus";

const DISMISSED = `phonoscope.tour${ROOT_PATH}`;
const ADDING = "Drop a recording anywhere.";
const STEPS = [
  "What is heard in a recording stands beside its name, often within a second.",
  "Open it: the amber over its picture shows what made the model say so. “evidence only” plays just that.",
  "Below are checks of the evidence, the stems of a song, and recordings that sound alike. “?” lists the keys.",
] as const;

/** Three steps for who comes first; once dismissed, never again in this browser. The focus then goes on to what `page` offers first. */
export function Tour({ page }: { page: RefObject<HTMLElement | null> }) {
  const [step, setStep] = useState(() => (localStorage.getItem(DISMISSED) ? STEPS.length : 0));
  const mayWrite = useMayWrite();
  const text = STEPS[step];
  useFocusBack(page, text ? "tour" : null);
  if (!text) return null;
  const go = (to: number) => {
    if (to === STEPS.length) localStorage.setItem(DISMISSED, "yes");
    setStep(to);
  };
  return (
    <aside className="note tour" aria-label="Tour">
      <span>
        <span className="quiet">
          {step + 1} of {STEPS.length}
        </span>{" "}
        {mayWrite && step === 0 ? ADDING : null} {text}
      </span>
      <span className="row">
        {step + 1 < STEPS.length ? <Button onClick={() => go(STEPS.length)}>Skip</Button> : null}
        <Button onClick={() => go(step + 1)}>{step + 1 < STEPS.length ? "Next" : "Close"}</Button>
      </span>
    </aside>
  );
}
