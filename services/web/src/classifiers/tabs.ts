import { ROOT_PATH } from "../api/root";

/** Names this tab as long as it is open; a reload makes it another one. */
export const THIS_TAB = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const held = new Map<string, Promise<void>>();

/** Holds the lock of a tab until its page is closed; resolves when it is held. */
export function hold(tab: string): Promise<void> {
  const found = held.get(tab) ?? taken(tab);
  held.set(tab, found);
  return found;
}

/** Whether the browser says which tabs are open: it does on pages that came over TLS or from this machine. */
export function knowsTabs(): boolean {
  return Boolean(navigator.locks);
}

/** Calls back once a tab is gone, in one of the tabs that wait for that after the other. */
export function whenGone(tab: string, callback: () => void): void {
  const { locks } = navigator;
  // Without locks what is left over is taken up as the page is loaded.
  if (locks && tab) void locks.request(nameOf(tab), callback);
  else callback();
}

function taken(tab: string): Promise<void> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve();
  return new Promise((resolve) => {
    void locks.request(nameOf(tab), () => {
      resolve();
      return new Promise(() => undefined);
    });
  });
}

function nameOf(tab: string): string {
  return `phonoscope.tab${ROOT_PATH} ${tab}`;
}
