import { useRef, useState } from "react";
import { errorText } from "../api/problem";
import { Writes } from "../state/mayWrite";
import { ErrorNote, Button, Skeleton } from "../ui/controls";
import { useFocusBack } from "../ui/focus";
import { ago } from "../ui/format";
import { announce } from "../ui/live";
import { DeliveryLog } from "./DeliveryLog";
import { NewWebhook } from "./NewWebhook";
import { Rotation } from "./Rotation";
import { useWebhookActions, useWebhooks, type Webhook } from "./queries";
import "./webhooks.css";

const REASONS = {
  owner: "switched off",
  gone: "switched off: it answered 410 Gone",
  failing: "switched off: no delivery succeeded for five days",
} as const;

/** The endpoints that receive events, and their delivery logs. */
export default function WebhooksPage() {
  const found = useWebhooks();
  const [adding, setAdding] = useState(false);
  return (
    <main id="main" className="page page--narrow stack webhooks">
      <div className="row spread">
        <h1>Webhooks</h1>
        <Writes>
          <Button main aria-expanded={adding} onClick={() => setAdding(!adding)}>
            Add an endpoint
          </Button>
        </Writes>
      </div>
      {adding ? <NewWebhook onDone={() => setAdding(false)} /> : null}
      {found.isPending ? <Skeleton height={160} /> : null}
      {found.isError ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.data?.length === 0 && !adding ? (
        <p className="empty">There is no endpoint yet. An endpoint receives a signed event when a job ends.</p>
      ) : null}
      <ul>
        {found.data?.map((webhook) => (
          <Endpoint key={webhook.id} webhook={webhook} />
        ))}
      </ul>
    </main>
  );
}

function State({ of: { enabled, failing_since, disabled_because } }: { of: Webhook }) {
  if (!enabled) return <span className="endpoint__state quiet">{REASONS[disabled_because ?? "owner"]}</span>;
  if (!failing_since) return <span className="endpoint__state endpoint__state--on">on</span>;
  return <span className="endpoint__state endpoint__state--failing">failing, first {ago(failing_since)}</span>;
}

function Endpoint({ webhook }: { webhook: Webhook }) {
  const { test, remove, enable } = useWebhookActions();
  const [open, setOpen] = useState(false);
  const [sure, setSure] = useState(false);
  const [rotating, setRotating] = useState(false);
  const box = useRef<HTMLLIElement>(null);
  useFocusBack(box, sure ? "delete" : null);
  const problem = test.error ?? remove.error ?? enable.error;
  return (
    <li ref={box} className="endpoint">
      <div className="endpoint__head">
        <h2 className="mono endpoint__url">{webhook.url}</h2>
        <State of={webhook} />
      </div>
      <p className="quiet small">{[webhook.description, webhook.events.join(", ")].filter(Boolean).join(" · ")}</p>
      <div className="row wrap">
        <Button aria-expanded={open} onClick={() => setOpen(!open)}>
          Deliveries
        </Button>
        <Writes>
          <Button
            disabled={test.isPending}
            onClick={() => {
              setOpen(true);
              test.mutate(webhook.id, { onSuccess: () => announce("A test event is being sent.") });
            }}
          >
            Send a test
          </Button>
          <Button disabled={enable.isPending} onClick={() => enable.mutate({ id: webhook.id, enabled: !webhook.enabled })}>
            {webhook.enabled ? "Switch off" : "Switch on"}
          </Button>
          <Button aria-expanded={rotating} onClick={() => setRotating(!rotating)}>
            New secret
          </Button>
          {sure ? (
            <>
              <Button disabled={remove.isPending} onClick={() => remove.mutate(webhook.id)}>
                Delete it and its log
              </Button>
              <Button autoFocus onClick={() => setSure(false)}>
                Keep
              </Button>
            </>
          ) : (
            <Button
              data-opens="delete"
              onClick={() => {
                setOpen(false);
                setSure(true);
              }}
            >
              Delete
            </Button>
          )}
        </Writes>
      </div>
      {problem ? <ErrorNote>{errorText(problem)}</ErrorNote> : null}
      {rotating ? <Rotation webhook={webhook} onDone={() => setRotating(false)} /> : null}
      {open ? <DeliveryLog webhook={webhook} /> : null}
    </li>
  );
}
