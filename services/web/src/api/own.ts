import { hash } from "./hash";
import { ROOT_PATH } from "./root";
import { isUser } from "./user";

/** How the names of what owners keep in this browser begin. */
export const OWN = `phonoscope.own${ROOT_PATH} `;

/** A mark of an API key that does not tell it; of somebody who signed in, the same in each of their sessions. */
export function keyMark(credential: string | null): string {
  const key = credential && isUser(credential) ? credential.slice(0, credential.lastIndexOf(":")) : credential;
  // 32 bits are kept of a key of many more.
  return hash(key ?? "").toString(36);
}

/** The name in the browser's storage of what the owner of a key keeps there until somebody signs out. */
export function ownName(what: string, key: string | null): string {
  return `${OWN}${keyMark(key)} ${what}`;
}

/** Forgets what any owner keeps in the local storage under such names. */
export function forgetOwn(): void {
  const names = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at) ?? "");
  for (const name of names) if (name.startsWith(OWN)) localStorage.removeItem(name);
}
