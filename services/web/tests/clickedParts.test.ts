import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiProblem } from "../src/api/problem";
import { clicksText, fetchPart, partsEndS } from "../src/track/clickedParts";

const HOUR = { duration_s: 3_600, detail_end_s: 3_600 };
const OLDER = { duration_s: 3_600, detail_end_s: 910 };
const NONE = { duration_s: 3_600, detail_end_s: 0 };
const facts = { on: true, source: "recording", levels: HOUR, error: null, mayWrite: true } as const;

describe("what is said of clicks", () => {
  it("is that what they need is being loaded", () => {
    expect(clicksText({ ...facts, levels: undefined })).toEqual({ blocked: null, said: "loading what the clicks need …" });
    expect(clicksText(facts)).toEqual({ blocked: null, said: "a higher click where a bar starts" });
    expect(clicksText({ ...facts, on: false })).toEqual({ blocked: null, said: "" });
  });

  it("is why it could not be read, unless the stems are played", () => {
    const refused = { ...facts, levels: undefined, error: new ApiProblem({ detail: "the outline is gone" }, 404) };
    expect(clicksText(refused).blocked).toMatch(/^No clicks with the recording: .* The outline is gone\.$/);
    expect(clicksText({ ...refused, source: "stems" }).blocked).toBeNull();
  });

  it("is how far they go where later parts are not decoded, and what helps", () => {
    expect(clicksText({ ...facts, levels: OLDER })).toMatchObject({ blocked: null, said: expect.stringMatching(/up to 15:00; .* new describe task/) });
    expect(clicksText({ ...facts, levels: OLDER, mayWrite: false }).said).not.toContain("describe");
    expect(clicksText({ ...facts, levels: NONE }).blocked).toMatch(/with its stems.* new describe task/);
    expect([HOUR, OLDER, NONE, { duration_s: 12.5, detail_end_s: 12.5 }].map(partsEndS)).toEqual([3_600, 900, 0, 12.5]);
  });
});

describe("a part of a recording's sound", () => {
  const answers: Response[] = [];
  const asked = vi.fn(async (_path: string, _init?: RequestInit) => answers.shift() as Response);
  const busy = () => Response.json({ detail: "64 parts wait to be decoded for you" }, { status: 429 });
  const sound = () => new Response("fLaC");

  beforeEach(() => {
    answers.length = 0;
    asked.mockClear();
    vi.useFakeTimers();
    vi.stubGlobal("fetch", asked);
    vi.stubGlobal("sessionStorage", { getItem: () => null });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is none while the recording is being measured", async () => {
    answers.push(Response.json({ id: "job_1" }, { status: 202 }));
    await expect(fetchPart("/part", new AbortController().signal)).rejects.toThrow("is being measured");
  });

  it("is asked for again after a few seconds where too many wait, a few times", async () => {
    answers.push(busy(), busy(), sound());
    const found = fetchPart("/part", new AbortController().signal);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(new TextDecoder().decode(await found)).toBe("fLaC");
    answers.push(...Array.from({ length: 9 }, busy));
    asked.mockClear();
    const refused = expect(fetchPart("/part", new AbortController().signal)).rejects.toThrow("64 parts wait to be decoded for you.");
    await vi.advanceTimersByTimeAsync(60_000);
    await refused;
    expect(asked).toHaveBeenCalledTimes(5);
  });

  it("is not asked for again once it is not needed", async () => {
    answers.push(busy(), sound());
    const stop = new AbortController();
    const refused = expect(fetchPart("/part", stop.signal)).rejects.toMatchObject({ name: "AbortError" });
    await vi.advanceTimersByTimeAsync(1_000);
    stop.abort();
    await refused;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveBeenCalledTimes(1);
  });
});
