import { type RefObject, useState } from "react";
import { ROOT_PATH } from "../api/root";
import { Button } from "../ui/controls";
import { useFocusBack } from "../ui/focus";

const DISMISSED = `phonoscope.tour${ROOT_PATH}`;
const STEPS = [
  "Drop a recording anywhere. What is heard in it stands beside its name, often within a second.",
  "Open it: the amber over its picture shows what made the model say so. “evidence only” plays just that.",
  "Below are checks of the evidence, the stems of a song, and recordings that sound alike. “?” lists the keys.",
] as const;

/** Three steps for who comes first; once dismissed, never again in this browser. The focus then goes on to what `page` offers first. */
export function Tour({ page }: { page: RefObject<HTMLElement | null> }) {
  const [step, setStep] = useState(() => (localStorage.getItem(DISMISSED) ? STEPS.length : 0));
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
        {text}
      </span>
      <span className="row">
        {step + 1 < STEPS.length ? <Button onClick={() => go(STEPS.length)}>Skip</Button> : null}
        <Button onClick={() => go(step + 1)}>{step + 1 < STEPS.length ? "Next" : "Close"}</Button>
      </span>
    </aside>
  );
}
