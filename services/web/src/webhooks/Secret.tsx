import { useRef } from "react";
import { Button } from "../ui/controls";
import { useCopy } from "../ui/copying";

/** A secret that was just made: it is not shown again. */
export function Secret({ secret, onDone }: { secret: string; onDone: () => void }) {
  const shown = useRef<HTMLElement>(null);
  const { word, copy } = useCopy(secret);
  return (
    <div className="adding" role="status">
      <p>The endpoint's secret. It is shown only once. Your receiver uses it to check that an event comes from this service.</p>
      <div className="row">
        <code ref={shown} className="adding__secret">{secret}</code>
        <Button icon="copy" onClick={() => void copy(shown.current)}>
          {word}
          <span className="unseen"> the secret</span>
        </Button>
      </div>
      <div>
        <Button main onClick={onDone}>
          I have saved it
        </Button>
      </div>
    </div>
  );
}
