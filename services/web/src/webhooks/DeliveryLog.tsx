import { useState } from "react";
import { Link } from "wouter";
import { errorText } from "../api/problem";
import { Writes } from "../state/mayWrite";
import { ErrorNote, Button, Choice, Skeleton } from "../ui/controls";
import { ago } from "../ui/format";
import { type Attempt, type Delivery, useDeliveries, useWebhookActions, type Webhook } from "./queries";

const KINDS = [
  { value: "all", text: "all" },
  { value: "pending", text: "pending" },
  { value: "delivered", text: "delivered" },
  { value: "dead", text: "given up" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

/** The events that were sent to an endpoint, with every attempt, and for whoever may, buttons that send them again. */
export function DeliveryLog({ webhook: { id: webhookId, url } }: { webhook: Webhook }) {
  const [kind, setKind] = useState<Kind>("all");
  const found = useDeliveries(webhookId, kind === "all" ? null : kind);
  const { redeliverDead } = useWebhookActions();
  const deliveries = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="log" aria-label={`Deliveries to ${url}`}>
      <div className="row spread wrap">
        <Choice label={`Which deliveries to ${url}`} value={kind} options={KINDS} onChange={setKind} />
        {kind === "dead" && deliveries.length ? (
          <Writes>
            <Button icon="retry" disabled={redeliverDead.isPending} onClick={() => redeliverDead.mutate(webhookId)}>
              Send all again
            </Button>
          </Writes>
        ) : null}
      </div>
      {found.isPending ? <Skeleton height={80} /> : null}
      {found.isError ? <ErrorNote>{errorText(found.error)}</ErrorNote> : null}
      {found.isSuccess && deliveries.length === 0 ? <p className="quiet">No deliveries.</p> : null}
      <ol>
        {deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} delivery={delivery} />
        ))}
      </ol>
      {found.hasNextPage ? <Button onClick={() => void found.fetchNextPage()}>Older deliveries</Button> : null}
    </section>
  );
}

function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const { redeliver } = useWebhookActions();
  return (
    <li className="delivery">
      <div className="delivery__head">
        <span>{delivery.event_type}</span>
        <span className={`delivery__state delivery__state--${delivery.status}`}>{statusText(delivery)}</span>
        <span className="quiet small">{ago(delivery.created_at)}</span>
        <Writes>
          <Button icon="retry" disabled={redeliver.isPending} onClick={() => redeliver.mutate(delivery.id)}>
            Send again
          </Button>
        </Writes>
      </div>
      <About delivery={delivery} />
      {redeliver.error ? <ErrorNote>{errorText(redeliver.error)}</ErrorNote> : null}
      {delivery.attempts.length ? (
        <details>
          <summary className="small quiet">
            {delivery.attempts.length === 1 ? "1 attempt" : `${delivery.attempts.length} attempts`}
          </summary>
          <ol className="attempts">
            {delivery.attempts.map((attempt) => (
              <li key={attempt.started_at}>
                {attemptText(attempt)}
                {attempt.answer ? <pre>{attempt.answer}</pre> : null}
              </li>
            ))}
          </ol>
        </details>
      ) : null}
    </li>
  );
}

/** Which job and recording it is about, and what is sent. */
function About({ delivery: { job_id, track_id, filename, body, event_id } }: { delivery: Delivery }) {
  return (
    <>
      {job_id ? (
        <p className="small delivery__about">
          {track_id ? <Link href={`/tracks/${track_id}`}>{filename}</Link> : <span className="quiet">the recording is not in the library</span>}{" "}
          <span className="quiet">
            · job <span className="mono">{job_id}</span>
          </span>
        </p>
      ) : null}
      <details>
        <summary className="small quiet">What is sent · {event_id}</summary>
        <pre className="delivery__body" tabIndex={0}>{indented(body)}</pre>
      </details>
    </>
  );
}

/** JSON with a line for each value; another text as it is. */
function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function statusText({ status, next_attempt_at, attempts }: Delivery): string {
  if (status === "delivered") return "delivered";
  if (status === "dead") return "given up";
  const wait = next_attempt_at ? (Date.parse(next_attempt_at) - Date.now()) / 1000 : 0;
  if (!attempts.length || wait <= 1) return "being sent";
  return `next attempt in ${wait < 90 ? `${Math.round(wait)} s` : `${Math.round(wait / 60)} min`}`;
}

function attemptText({ status_code, error, detail, duration_s, started_at }: Attempt): string {
  const what = error ? (detail ?? error.replaceAll("_", " ")) : "delivered";
  const code = status_code && !what.includes(String(status_code)) ? ` (${status_code})` : "";
  return `${new Date(started_at).toLocaleTimeString("en-GB")} · ${what}${code} in ${Math.round(duration_s * 1000)} ms`;
}
