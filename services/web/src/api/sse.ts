/** One event of a `text/event-stream`. */
export type StreamEvent = { type: string; data: string; id: string };

/** Parses an event stream that arrives in pieces, as the HTML standard describes. */
export class EventParser {
  #rest = "";
  #data: string[] = [];
  #type = "";
  #id = "";

  /** The events that this piece completes. */
  add(text: string): StreamEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    const events: StreamEvent[] = [];
    for (const line of lines) {
      if (line !== "") this.#field(line);
      else if (this.#data.length) events.push(this.#complete());
    }
    return events;
  }

  #field(line: string): void {
    const [, name, value = ""] = /^([^:]*)(?::\s?(.*))?$/.exec(line) ?? [];
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id") this.#id = value;
  }

  #complete(): StreamEvent {
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.#id };
    this.#data = [];
    this.#type = "";
    return event;
  }
}
