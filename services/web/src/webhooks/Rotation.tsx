import { useState } from "react";
import { errorText } from "../api/problem";
import { Button, ErrorNote, Select } from "../ui/controls";
import { useWebhookActions, type Webhook } from "./queries";
import { Secret } from "./Secret";

const OVERLAPS = { "86400": "for one more day", "3600": "for one more hour", "0": "not at all" } as const;
type Overlap = keyof typeof OVERLAPS;
const CHOICES = Object.keys(OVERLAPS).sort((a, b) => Number(b) - Number(a)) as Overlap[];

/** Gives an endpoint a new secret, which is shown once; the old one can sign beside it for some time. */
export function Rotation({ webhook, onDone }: { webhook: Webhook; onDone: () => void }) {
  const { rotate } = useWebhookActions();
  const [overlap, setOverlap] = useState<Overlap>("86400");
  if (rotate.data) return <Secret secret={rotate.data.secret} onDone={onDone} />;
  return (
    <div className="adding" role="group" aria-label={`A new secret for ${webhook.url}`}>
      <p>Events are signed with a new secret from now on. Meanwhile a receiver that knows the old one needs its signature too.</p>
      <Select label="the old secret also signs" name="How long the old secret signs too" value={overlap} options={CHOICES} text={(each) => OVERLAPS[each]} onChange={setOverlap} />
      {rotate.error ? <ErrorNote>{errorText(rotate.error)}</ErrorNote> : null}
      <div className="row">
        <Button main disabled={rotate.isPending} onClick={() => rotate.mutate({ id: webhook.id, overlapS: Number(overlap) })}>
          Make a new secret
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </div>
  );
}
