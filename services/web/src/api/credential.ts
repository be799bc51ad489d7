import { ROOT_PATH } from "./root";
import { currentKey } from "./session";

const TOKEN = /^#(pss_[\w-]+)$/;

/** Whether the page was opened by a link that shares one recording. The key of a signed-in owner is not used there. */
export function isSharedPage(): boolean {
  return globalThis.location?.pathname === `${ROOT_PATH}/shared`;
}

/** The token in the address of a shared link, which no browser sends by itself; null when it is not whole. */
export function shareToken(): string | null {
  return TOKEN.exec(location.hash)?.[1] ?? null;
}

/** What requests are sent with: the token of the shared link that is open, else the key; null without. */
export function credential(): string | null {
  return isSharedPage() ? shareToken() : currentKey();
}
