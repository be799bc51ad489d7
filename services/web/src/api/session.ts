import { useSyncExternalStore } from "react";
import { forgetOwn, keyMark, ownName, OWN } from "./own";
import { ROOT_PATH } from "./root";
import type { components } from "./schema";
import { headerOf, isUser, userCredential } from "./user";

// Another service may run under another prefix of the same host.
const STORED = `phonoscope.key${ROOT_PATH}`;
const SIGN_OUTS = `phonoscope.signouts${ROOT_PATH}`;
const FRAGMENT = /^#key=([\w-]+)$/;
// Another tab answers within a few milliseconds.
const ASKED_MS = 200;
const FORBIDDEN = 403;

type CurrentSession = components["schemas"]["CurrentSession"];
export type SignInWay = components["schemas"]["SignInWay"];
type Message = { ask: true } | { key: string; signOuts: string };

const listeners = new Set<() => void>();
let tabs: BroadcastChannel | null = null;
let problem: string | null = null;
let waits = 0;
let way: SignInWay | null = null;
let signOutUrl: string | null = null;
let finding: Promise<void> = Promise.resolve();
let found: { credential: string; session: CurrentSession } | null = null;

/** The API key of this tab, which is sent as a header, or what stands for somebody who signed in; null without. */
export function currentKey(): string | null {
  const key = sessionStorage.getItem(STORED);
  // A tab that the browser restores has the key of before; signing out since then ended it.
  return key && sessionStorage.getItem(SIGN_OUTS) === signOuts() ? key : null;
}

/** Why the service refused the last key, or what went wrong at signing out, as a sentence, or null. */
export function useSignInProblem(): string | null {
  return useSyncExternalStore(subscribe, () => problem);
}

/** Whether the key is kept when the browser is closed. */
function isKept(): boolean {
  return localStorage.getItem(STORED) !== null && localStorage.getItem(STORED) === currentKey();
}

/** Keeps the key on this machine, or only as long as a tab is open. */
export function keepKey(kept: boolean): void {
  const key = currentKey();
  if (kept && key) localStorage.setItem(STORED, key);
  else localStorage.removeItem(STORED);
  notify();
}

/** Signs in this tab, and the page's other tabs that have no key. */
export function signIn(key: string): void {
  take(key);
  say({ key, signOuts: signOuts() });
}

/** Signs out every tab of the page, ends a session, and forgets a key that was kept on this machine and what owners kept here. */
export function signOut(everywhere = false): void {
  void endSession(currentKey(), everywhere);
  forgetOwn();
  localStorage.setItem(SIGN_OUTS, String(Number(signOuts()) + 1));
  localStorage.removeItem(STORED);
  leave(null);
}

/** Signs out this tab, whose key the service refuses. A link with a wrong key must not end other tabs. */
export function refuseKey(why: string): void {
  if (isKept()) localStorage.removeItem(STORED);
  leave(why);
  void findUser({ taken: false });
}

/** Asks again who is signed in by this browser's cookie, since another tab may have signed in again. */
export function refreshSession(): void {
  void findUser();
}

/** What the service has said, or is just saying, of somebody who signed in, so that it need not be asked again; once, then null. */
export async function takeFoundSession(credential: string): Promise<CurrentSession | null> {
  if (!isUser(credential)) return null;
  await finding;
  if (found?.credential !== credential) return null;
  const { session } = found;
  found = null;
  return session;
}

/** Removes the key from an address such as `/#key=psk_…`, so that neither the history nor a copied link holds it, and signs in with it. */
export function takeKeyFromAddress(): void {
  const key = FRAGMENT.exec(globalThis.location?.hash ?? "")?.[1];
  if (!key) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  signIn(key);
}

/** The mark of the owner who is signed in: what is kept under it is for the owner of that key alone. */
export function ownerMark(key = currentKey()): string {
  return keyMark(key);
}

/** What this tab remembers under a name for the owner of its key, as text, or null. */
export function remembered(name: string): string | null {
  return currentKey() ? sessionStorage.getItem(ownName(name, currentKey())) : null;
}

/** Remembers a text in this tab, over a reload, until its owner signs out in any tab; null forgets it. */
export function remember(name: string, text: string | null): void {
  if (!currentKey()) return;
  const stored = ownName(name, currentKey());
  if (text === null) sessionStorage.removeItem(stored);
  else sessionStorage.setItem(stored, text);
}

/** Takes the key in the page's address, that of this tab, or that is kept on this machine, else asks the page's other tabs for theirs; follows them from now on. */
export function joinSession(): void {
  forgetOthers();
  tabs = new BroadcastChannel(STORED);
  tabs.onmessage = ({ data }: MessageEvent<Message>) => hear(data);
  window.addEventListener("storage", ({ key }) => {
    if (key !== SIGN_OUTS && key !== null) return;
    leave(problem);
    void findUser({ taken: false });
  });
  // A page that the browser had put aside was told of nothing.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted && !currentKey()) leave(problem);
  });
  takeKeyFromAddress();
  const known = currentKey();
  if (known && isUser(known)) void findUser();
  if (known) return;
  const kept = localStorage.getItem(STORED);
  if (kept) take(kept);
  else ask();
}

export function useKey(): string | null {
  return useSyncExternalStore(subscribe, currentKey, () => null);
}

export function useIsKept(): boolean {
  return useSyncExternalStore(subscribe, isKept);
}

/** Whether other tabs and the service were asked who is signed in and may still answer. */
export function useIsAsking(): boolean {
  return useSyncExternalStore(subscribe, () => waits > 0);
}

/** How people sign in through an identity provider, or null where they do not. */
export function useSignInWay(): SignInWay | null {
  return useSyncExternalStore(subscribe, () => way);
}

/** Where somebody who has just signed out does so at the identity provider too, or null. */
export function useSignOutUrl(): string | null {
  return useSyncExternalStore(subscribe, () => signOutUrl);
}

function ask(): void {
  say({ ask: true });
  wait(new Promise((resolve) => setTimeout(resolve, ASKED_MS)));
  wait(findUser());
}

function wait(until: Promise<void>): void {
  waits += 1;
  void until.finally(() => {
    waits -= 1;
    notify();
  });
}

/** Asks the service who is signed in by this browser's cookie, and how anybody signs in; `taken` says whether this tab becomes theirs. */
function findUser({ taken = true } = {}): Promise<void> {
  finding = find(taken);
  return finding;
}

async function find(taken: boolean): Promise<void> {
  const before = signOuts();
  const session = await currentSession().catch(() => null);
  if (!session || signOuts() !== before) return;
  way = session.sign_in;
  const key = currentKey();
  const own = session.user ? userCredential(session.user) : null;
  found = own ? { credential: own, session } : null;
  if (taken && own && own !== key && (!key || isUser(key))) {
    take(own);
    say({ key: own, signOuts: before });
  } else if (!own && key && isUser(key)) leave("Your session has ended. Sign in again.");
  notify();
}

/** Throws where the service does not say it. */
async function currentSession(): Promise<CurrentSession> {
  let answer = await fetch(`${ROOT_PATH}/v1/session`);
  // The cookie of a session that has ended is forgotten by then.
  if (answer.status === 401) answer = await fetch(`${ROOT_PATH}/v1/session`);
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.json()) as CurrentSession;
}

/** Ends the session of this browser's cookie, which may be there beside an API key. */
async function endSession(key: string | null, everywhere: boolean): Promise<void> {
  try {
    let ended = key && isUser(key) ? await askEnd(key, everywhere) : null;
    // Another tab may have signed in again, with another token.
    if (!ended || ended.status === FORBIDDEN) {
      const { user } = await currentSession();
      ended = user ? await askEnd(userCredential(user), everywhere) : null;
    }
    if (ended && !ended.ok && ended.status !== 401) throw new Error(ended.statusText);
    if (ended?.ok) signOutUrl = ((await ended.json()) as components["schemas"]["EndedSession"]).sign_out_url;
  } catch {
    if (key && isUser(key)) problem = "The service did not answer: the session may go on. Load the page again to sign out.";
    notify();
    return;
  }
  await findUser();
}

function askEnd(user: string, everywhere: boolean): Promise<Response> {
  const [name, value] = headerOf(user);
  const query = everywhere ? "?everywhere=true" : "";
  return fetch(`${ROOT_PATH}/v1/session${query}`, { method: "DELETE", headers: { [name]: value }, keepalive: true });
}

function hear(message: Message): void {
  const key = currentKey();
  if ("ask" in message) {
    if (key) say({ key, signOuts: signOuts() });
  } else if ((!key || (isUser(key) && isUser(message.key) && key !== message.key)) && message.signOuts === signOuts()) {
    take(message.key);
  }
}

function say(message: Message): void {
  tabs?.postMessage(message);
}

function take(key: string): void {
  problem = null;
  signOutUrl = null;
  sessionStorage.setItem(SIGN_OUTS, signOuts());
  sessionStorage.setItem(STORED, key);
  forgetOthers();
  notify();
}

function leave(why: string | null): void {
  problem = why;
  sessionStorage.removeItem(STORED);
  forgetOthers();
  notify();
}

/** Forgets what the tab remembers for others than the owner of its key, for everybody where it has none. */
function forgetOthers(): void {
  const own = currentKey() ? ownName("", currentKey()) : null;
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith(OWN) && !(own && name.startsWith(own))) sessionStorage.removeItem(name);
  }
}

/** How often somebody signed out in this browser, as text. */
function signOuts(): string {
  return localStorage.getItem(SIGN_OUTS) ?? "0";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function notify(): void {
  for (const listener of listeners) listener();
}
