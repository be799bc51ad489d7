import { Button, IconButton } from "../ui/controls";
import { announce } from "../ui/live";

/** A secret that was just made: it is not shown again. */
export function Secret({ secret, onDone }: { secret: string; onDone: () => void }) {
  return (
    <div className="adding" role="status">
      <p>The endpoint's secret. It is shown only once. Your receiver uses it to check that an event comes from this service.</p>
      <div className="row">
        <code className="adding__secret">{secret}</code>
        <IconButton
          icon="copy"
          label="Copy the secret"
          onClick={() => void navigator.clipboard.writeText(secret).then(() => announce("Copied."))}
        />
      </div>
      <div>
        <Button main onClick={onDone}>
          I have saved it
        </Button>
      </div>
    </div>
  );
}
