import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Job } from "../src/api/client";
import { pause } from "../src/api/pause";
import { PageRequest } from "./pageRequest";

const PING_MS = 15_000;

const job = (status: string) => ({ id: "job_1", status, tasks: [] }) as unknown as Job;
const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

/** The service as `fetch` sees it: an event stream that the test writes to, and the job as `GET /v1/jobs/{id}` gives it. */
class Service {
  requests: string[] = [];
  job = job("running");
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;

  readonly fetch = (input: Request | string, init: RequestInit = {}): Promise<Response> => {
    const path = new URL(typeof input === "string" ? input : input.url, "http://service").pathname;
    this.requests.push(path);
    if (!path.endsWith("/events")) return Promise.resolve(Response.json(this.job));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller;
      },
    });
    init.signal?.addEventListener("abort", () => this.#stream?.error(init.signal?.reason));
    return Promise.resolve(new Response(body));
  };

  send(text: string): void {
    this.#stream?.enqueue(new TextEncoder().encode(text));
  }
}

describe("watching a job", () => {
  const service = () => {
    const made = new Service();
    vi.stubGlobal("fetch", made.fetch);
    // Node has neither a page's address nor its storage.
    vi.stubGlobal("Request", PageRequest);
    vi.stubGlobal("sessionStorage", { getItem: () => null });
    return made;
  };
  const watch = async (signal: AbortSignal, until?: (job: Job) => boolean) => {
    const { watchJob } = await import("../src/api/watch");
    const seen: string[] = [];
    const done = watchJob("job_1", ({ status }) => seen.push(status), signal, until);
    await vi.advanceTimersByTimeAsync(0);
    return { done, seen };
  };

  beforeEach(() => {
    vi.resetModules();
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("follows the event stream to the job's end", async () => {
    const here = service();
    const { done, seen } = await watch(new AbortController().signal);
    here.send(event("status", job("running")));
    here.send(event("completed", job("succeeded")));
    await vi.advanceTimersByTimeAsync(0);
    expect((await done).status).toBe("succeeded");
    expect(seen).toEqual(["running", "succeeded"]);
    expect(here.requests).toEqual(["/v1/jobs/job_1/events"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("asks for the job when the stream is silent after its first event", async () => {
    const here = service();
    const { done } = await watch(new AbortController().signal);
    here.send(event("status", job("running")));
    here.job = job("succeeded");
    await vi.advanceTimersByTimeAsync(60_000);
    const ended = await Promise.race([done, Promise.resolve(null)]);
    expect(ended?.status).toBe("succeeded");
    expect(here.requests).toEqual(["/v1/jobs/job_1/events", "/v1/jobs/job_1"]);
  });

  it("stops early, on the stream and while polling, when its condition holds", async () => {
    const partly = (describe: string) =>
      ({ ...job("running"), tasks: [{ name: "describe", status: describe }, { name: "classify", status: "running" }] }) as Job;
    const described = ({ tasks }: Job) => tasks.some(({ name, status }) => name === "describe" && status === "succeeded");
    const here = service();
    const streamed = await watch(new AbortController().signal, described);
    here.send(event("status", partly("running")));
    here.send(event("progress", { tasks: [{ name: "describe", status: "succeeded" }] }));
    await vi.advanceTimersByTimeAsync(0);
    expect((await streamed.done).status).toBe("running");
    const polled = await watch(new AbortController().signal, described);
    here.job = partly("succeeded");
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await polled.done).status).toBe("running");
    expect(here.requests.at(-1)).toBe("/v1/jobs/job_1");
  });

  it("keeps a stream that sends comments only", async () => {
    const here = service();
    const { done } = await watch(new AbortController().signal);
    here.send(event("status", job("running")));
    for (let ping = 0; ping < 8; ping += 1) {
      await vi.advanceTimersByTimeAsync(PING_MS);
      here.send(": still here\n\n");
    }
    expect(here.requests).toEqual(["/v1/jobs/job_1/events"]);
    here.send(event("completed", job("succeeded")));
    await vi.advanceTimersByTimeAsync(0);
    expect((await done).status).toBe("succeeded");
  });

  it("goes on when the network is back, however long it was away", async () => {
    const here = service();
    const network = new EventTarget();
    vi.stubGlobal("window", network);
    vi.stubGlobal("navigator", { onLine: false });
    let isAway = true;
    // The client keeps the `fetch` that it was made with.
    vi.stubGlobal("fetch", (...asked: Parameters<Service["fetch"]>) => (isAway ? Promise.reject(new TypeError("no network")) : here.fetch(...asked)));
    const { done, seen } = await watch(new AbortController().signal);
    await vi.advanceTimersByTimeAsync(3_600_000);
    isAway = false;
    vi.stubGlobal("navigator", { onLine: true });
    here.job = job("succeeded");
    network.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect((await done).status).toBe("succeeded");
    expect(seen).toEqual(["succeeded"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stops when its signal aborts while there is no network", async () => {
    service();
    vi.stubGlobal("window", new EventTarget());
    vi.stubGlobal("navigator", { onLine: false });
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    const stop = new AbortController();
    const { done } = await watch(stop.signal);
    await vi.advanceTimersByTimeAsync(60_000);
    const refused = expect(done).rejects.toThrow("no longer wanted");
    stop.abort(new Error("no longer wanted"));
    await refused;
  });

  it("stops when its signal aborts, while it follows and while it asks", async () => {
    const here = service();
    for (const silentMs of [0, 60_000]) {
      const stop = new AbortController();
      const { done } = await watch(stop.signal);
      here.send(event("status", job("running")));
      await vi.advanceTimersByTimeAsync(silentMs);
      const asked = here.requests.length;
      const refused = expect(done).rejects.toThrow("no longer wanted");
      stop.abort(new Error("no longer wanted"));
      await refused;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(here.requests.length).toBe(asked);
      expect(vi.getTimerCount()).toBe(0);
    }
  });
});

describe("a pause", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("leaves no listener on its signal", async () => {
    const signal = new AbortController().signal;
    const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
    const over = pause(500, signal);
    await vi.advanceTimersByTimeAsync(500);
    await over;
    const listeners = added.mock.calls.map(([, listener]) => listener);
    expect(listeners).toHaveLength(1);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(listeners);
  });

  it("ends at once when its signal aborts, or has aborted", async () => {
    const stop = new AbortController();
    const during = pause(500, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(during).rejects.toThrow("stopped");
    await expect(pause(500, stop.signal)).rejects.toThrow("stopped");
    expect(vi.getTimerCount()).toBe(0);
  });
});
