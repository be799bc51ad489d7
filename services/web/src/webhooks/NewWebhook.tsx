import { useState } from "react";
import { errorText } from "../api/problem";
import { ErrorNote, Button } from "../ui/controls";
import { type EventType, useWebhookActions } from "./queries";
import { Secret } from "./Secret";

const EVENTS: EventType[] = ["job.succeeded", "job.failed", "job.cancelled"];

/** Adds an endpoint and shows its secret once. */
export function NewWebhook({ onDone }: { onDone: () => void }) {
  const { create } = useWebhookActions();
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [events, setEvents] = useState(EVENTS);
  if (create.data) return <Secret secret={create.data.secret} onDone={onDone} />;
  const toggle = (event: EventType) =>
    setEvents(events.includes(event) ? events.filter((one) => one !== event) : [...events, event]);
  return (
    <form
      className="adding"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ url: url.trim(), description, events });
      }}
    >
      <label className="stack">
        Address
        <input
          className="field mono"
          type="url"
          required
          placeholder="https://example.org/phonoscope"
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
      </label>
      <label className="stack">
        Description (optional)
        <input className="field" maxLength={256} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
      </label>
      <fieldset className="row wrap">
        <legend>Events</legend>
        {EVENTS.map((event) => (
          <label key={event} className="row">
            <input type="checkbox" checked={events.includes(event)} onChange={() => toggle(event)} />
            {event}
          </label>
        ))}
      </fieldset>
      {create.error ? <ErrorNote>{errorText(create.error)}</ErrorNote> : null}
      <div className="row">
        <Button main type="submit" disabled={!url.trim() || events.length === 0 || create.isPending}>
          Add
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </form>
  );
}
