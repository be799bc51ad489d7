import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { heard } from "../src/ui/keys";

/** A window without a document: what listens while an event comes down hears it before what listens on its way up. */
class Listened {
  readonly #ways = { down: new EventTarget(), up: new EventTarget() };

  addEventListener(type: string, listener: EventListener, down = false): void {
    this.#ways[down ? "down" : "up"].addEventListener(type, listener);
  }

  removeEventListener(type: string, listener: EventListener, down = false): void {
    this.#ways[down ? "down" : "up"].removeEventListener(type, listener);
  }

  /** Whether something handled the key. */
  press(key: string): boolean {
    const event = Object.assign(new Event("keydown", { cancelable: true }), { key });
    this.#ways.down.dispatchEvent(event);
    this.#ways.up.dispatchEvent(event);
    return event.defaultPrevented;
  }
}

let page: Listened;

beforeEach(() => {
  page = new Listened();
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", { querySelector: () => null });
  vi.stubGlobal("HTMLElement", class {});
});
afterEach(() => {
  vi.unstubAllGlobals();
});

test("what is first handles a key before what was there earlier, and leaves it what it does not handle", () => {
  const toggles = vi.fn(() => true);
  heard(toggles, false);
  let plays = true;
  const stop = vi.fn(() => {
    const stopped = plays;
    plays = false;
    return stopped;
  });
  const end = heard(stop, true);
  expect(page.press(" ")).toBe(true);
  expect(stop).toHaveBeenCalledTimes(1);
  expect(toggles).not.toHaveBeenCalled();
  expect(page.press(" ")).toBe(true);
  expect(toggles).toHaveBeenCalledTimes(1);
  end();
  page.press(" ");
  expect(stop).toHaveBeenCalledTimes(2);
  expect(toggles).toHaveBeenCalledTimes(2);
});
