import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PageRequest } from "./pageRequest";

const kept = new Map<string, string>();
const storage = { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => kept.set(name, text), removeItem: (name: string) => kept.delete(name) };

beforeEach(() => {
  kept.clear();
  vi.resetModules();
  vi.stubGlobal("window", {});
  vi.stubGlobal("localStorage", storage);
  vi.stubGlobal("sessionStorage", storage);
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw());
  vi.stubGlobal("document", { querySelector: () => null, createElement: () => ({ setAttribute: () => undefined }), body: { append: () => undefined } });
  vi.stubGlobal("Request", PageRequest);
});
afterEach(() => vi.unstubAllGlobals());

test("an upload whose analysis was cancelled says so, has its track, and is analysed by another job when it is tried again", async () => {
  const cancelled = { id: "job_1", status: "cancelled", tasks: [{ name: "classify", status: "cancelled" }] };
  vi.stubGlobal("fetch", async (asked: Request | string) =>
    typeof asked === "string" ? Response.json({}, { status: 404 }) : Response.json(cancelled),
  );
  const { remember, remembered, signIn } = await import("../src/api/session");
  const { resumeUploads } = await import("../src/library/uploads");
  const track = { id: "trk_1", filename: "dog.flac" };
  signIn("psk_one");
  remember("uploads", JSON.stringify([{ name: "dog.flac", example: false, phase: "working", track, already: false, jobId: "job_1", model: null, request: "first" }]));
  const rows = () => JSON.parse(remembered("uploads") ?? "[]") as { phase: string; problem: string; request: string }[];
  resumeUploads();
  await vi.waitFor(() => expect(rows()[0]?.phase).toMatch(/done|failed/), { timeout: 30_000 });
  expect(rows()).toEqual([expect.objectContaining({ phase: "failed", problem: "It was cancelled.", track, jobId: null })]);
  expect(rows()[0]?.request).not.toBe("first");
});

test("an upload that the network's absence ended goes on when that is back, with its job", async () => {
  let online = false;
  const succeeded = { id: "job_1", status: "succeeded", tasks: [] };
  vi.stubGlobal("navigator", {
    get onLine() {
      return online;
    },
  });
  vi.stubGlobal("fetch", async (asked: Request | string) => {
    if (!online) throw new TypeError("no network");
    return typeof asked === "string" ? Response.json({}, { status: 404 }) : Response.json(succeeded);
  });
  const { remember, remembered, signIn } = await import("../src/api/session");
  const { resumeUploads, retryCutOff } = await import("../src/library/uploads");
  signIn("psk_one");
  const row = { name: "dog.flac", example: false, track: { id: "trk_1", filename: "dog.flac" }, already: false, model: null, request: "first" };
  remember("uploads", JSON.stringify([{ ...row, phase: "working", jobId: null }]));
  const rows = () => JSON.parse(remembered("uploads") ?? "[]") as { phase: string; problem: string | null }[];
  resumeUploads();
  await vi.waitFor(() => expect(rows()[0]?.phase).toBe("failed"));
  expect(rows()[0]?.problem).toBe("No network. It goes on when the network is back.");
  online = true;
  retryCutOff();
  await vi.waitFor(() => expect(rows()[0]).toMatchObject({ phase: "done", problem: null }), { timeout: 30_000 });
});

test("uploads that cannot be read are forgotten", async () => {
  const { remember, remembered, signIn } = await import("../src/api/session");
  const { addDropped, resumeUploads } = await import("../src/library/uploads");
  signIn("psk_one");
  for (const text of ["{", "7", "null", "[null, 3, {}]"]) {
    remember("uploads", text);
    resumeUploads();
  }
  addDropped({ files: [], refused: [{ name: "a.txt", why: "no sound" }] });
  expect(JSON.parse(remembered("uploads") ?? "[]")).toHaveLength(1);
});
