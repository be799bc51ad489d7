import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import { PageRequest } from "./pageRequest";

class Memory implements Storage {
  [name: string]: unknown;
  get length() {
    return Object.keys(this).length;
  }
  key(at: number) {
    return Object.keys(this)[at] ?? null;
  }
  getItem(name: string) {
    return (this[name] as string | undefined) ?? null;
  }
  setItem(name: string, text: string) {
    this[name] = text;
  }
  removeItem(name: string) {
    delete this[name];
  }
  clear() {
    for (const name of Object.keys(this)) delete this[name];
  }
}

let tab: Memory;

async function opened() {
  vi.resetModules();
  return import("../src/api/session");
}

beforeEach(() => {
  tab = new Memory();
  vi.stubGlobal("localStorage", new Memory());
  vi.stubGlobal("sessionStorage", tab);
  vi.stubGlobal("window", { addEventListener: () => undefined });
});

test("what a tab remembers outlives a reload, and its owner's signing out forgets it", async () => {
  const first = await opened();
  first.signIn("psk_one");
  first.remember("uploads", "dog.flac");
  const reloaded = await opened();
  reloaded.joinSession();
  expect(reloaded.remembered("uploads")).toBe("dog.flac");
  reloaded.signOut();
  expect(JSON.stringify(tab)).not.toContain("dog.flac");
});

test("a restored tab forgets what it remembered for somebody who has signed out since", async () => {
  const first = await opened();
  first.signIn("psk_one");
  first.remember("uploads", "dog.flac");
  const restored = { ...tab };
  first.signOut();
  Object.assign(tab, restored);
  const next = await opened();
  next.joinSession();
  expect(JSON.stringify(tab)).not.toContain("dog.flac");
  next.signIn("psk_two");
  expect(next.remembered("uploads")).toBeNull();
});

test("another key neither sees what a tab remembers nor leaves it there", async () => {
  const first = await opened();
  first.signIn("psk_one");
  first.remember("uploads", "dog.flac");
  first.remember("uploads", null);
  first.remember("uploads", "cat.flac");
  first.signIn("psk_two");
  expect(first.remembered("uploads")).toBeNull();
  expect(JSON.stringify(tab)).not.toContain("cat.flac");
  first.refuseKey("unknown");
  first.remember("uploads", "rain.flac");
  expect(Object.keys(tab).join()).not.toContain("uploads");
});

test("who signed in through the identity provider is found, keeps what is theirs over sessions, and is no key", async () => {
  const user = (csrf_token: string) => ({ id: "usr_one", name: "Ada", email: null, scopes: ["read"], expires_at: "", csrf_token });
  const sign_in = { name: "Example ID", url: "/v1/session/login" };
  const answers = [{ sign_in, user: user("first") }, { sign_in, user: user("second") }, { sign_in, user: null }];
  vi.stubGlobal("fetch", async () => Response.json(answers.shift()));
  const first = await opened();
  first.joinSession();
  await vi.waitFor(() => expect(first.currentKey()).toBe("user:usr_one:first"));
  first.remember("uploads", "dog.flac");
  const next = await opened();
  next.joinSession();
  await vi.waitFor(() => expect(next.currentKey()).toBe("user:usr_one:second"));
  expect(next.remembered("uploads")).toBe("dog.flac");
  const { headerOf } = await import("../src/api/user");
  expect(headerOf(next.currentKey() ?? "")).toEqual(["X-CSRF-Token", "second"]);
  expect(headerOf("psk_one")).toEqual(["Authorization", "Bearer psk_one"]);
  const ended = await opened();
  ended.joinSession();
  await vi.waitFor(() => expect(ended.currentKey()).toBeNull());
  expect(JSON.stringify(tab)).not.toContain("dog.flac");
  vi.unstubAllGlobals();
});

test("a page asks once who is signed in and what they may do, and remembers what they may until somebody signs out", async () => {
  const user = { id: "usr_one", name: "Ada", csrf_token: "first" };
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (request: string | Request) => {
    asked.push(typeof request === "string" ? request : new URL(request.url).pathname);
    return Response.json({ sign_in: null, user, scopes: ["read"], key_id: user.id });
  });
  vi.stubGlobal("Request", PageRequest);
  for (const _ of ["a new tab", "a reload"]) {
    asked.length = 0;
    const page = await opened();
    const { ownSession } = await import("../src/state/mayWrite");
    page.joinSession();
    if (!page.currentKey()) await vi.waitFor(() => expect(page.currentKey()).toBe("user:usr_one:first"));
    const queries = new QueryClient();
    expect(await queries.fetchQuery(ownSession(page.currentKey()))).toMatchObject({ scopes: ["read"] });
    expect(asked).toEqual(["/v1/session"]);
    expect(JSON.parse(page.remembered("access") ?? "")).toEqual({ scopes: ["read"], key_id: "usr_one" });
    // How long it lasts is asked for anew.
    await queries.fetchQuery({ ...ownSession(page.currentKey()), staleTime: 0 });
    expect(asked).toHaveLength(2);
  }
  const page = await opened();
  page.signOut();
  expect(JSON.stringify(tab)).not.toContain("read");
  await vi.waitFor(() => expect(asked).toHaveLength(4));
});

test("a page that is opened with a key asks for nobody else", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    return Response.json({ sign_in: null, user: null });
  });
  vi.stubGlobal("location", { hash: "#key=psk_one", pathname: "/", search: "" });
  vi.stubGlobal("history", { replaceState: () => undefined });
  const page = await opened();
  page.joinSession();
  await Promise.resolve();
  expect([page.currentKey(), asked]).toEqual(["psk_one", []]);
  vi.unstubAllGlobals();
});

test("signing out of a key ends the session that is there beside it", async () => {
  const asked: string[] = [];
  let user: object | null = { id: "usr_one", name: "Ada", csrf_token: "now" };
  vi.stubGlobal("fetch", async (_: string, init?: RequestInit) => {
    asked.push(`${init?.method ?? "GET"} ${(init?.headers as Record<string, string> | undefined)?.["X-CSRF-Token"] ?? ""}`);
    if (init?.method === "DELETE") user = null;
    return Response.json(init?.method === "DELETE" ? { sign_out_url: null } : { sign_in: null, user });
  });
  const page = await opened();
  page.signIn("psk_one");
  page.signOut();
  await vi.waitFor(() => expect(asked).toEqual(["GET ", "DELETE now", "GET "]));
  expect(page.currentKey()).toBeNull();
  vi.unstubAllGlobals();
});

test("a service that is away signs nobody out", async () => {
  const user = { id: "usr_one", name: "Ada", csrf_token: "first" };
  const answers = [Response.json({ sign_in: null, user }), new Response("", { status: 503 })];
  vi.stubGlobal("fetch", async () => answers.shift());
  const first = await opened();
  first.joinSession();
  await vi.waitFor(() => expect(first.currentKey()).toBe("user:usr_one:first"));
  const next = await opened();
  next.joinSession();
  await vi.waitFor(() => expect(answers).toEqual([]));
  await Promise.resolve();
  expect(next.currentKey()).toBe("user:usr_one:first");
  vi.unstubAllGlobals();
});

test("a session that another tab has begun again takes the place of the one before", async () => {
  const tabs: { onmessage?: (event: object) => void }[] = [];
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      onmessage?: (event: object) => void;
      constructor() {
        tabs.push(this);
      }
      postMessage() {}
    },
  );
  const user = { id: "usr_one", name: "Ada", csrf_token: "first" };
  vi.stubGlobal("fetch", async () => Response.json({ sign_in: null, user }));
  const page = await opened();
  page.joinSession();
  await vi.waitFor(() => expect(page.currentKey()).toBe("user:usr_one:first"));
  tabs[0]?.onmessage?.({ data: { key: "psk_other", signOuts: "0" } });
  expect(page.currentKey()).toBe("user:usr_one:first");
  tabs[0]?.onmessage?.({ data: { key: "user:usr_one:second", signOuts: "0" } });
  expect(page.currentKey()).toBe("user:usr_one:second");
  vi.unstubAllGlobals();
});
