import { afterEach, describe, expect, it, vi } from "vitest";
import type { Job, TrackResult } from "../src/api/client";
import type { TrackAnswer } from "../src/state/reading";
import { unexplainedText } from "../src/state/absent";
import { TrackState } from "../src/state/trackState";
import { PageRequest } from "./pageRequest";

const noon = (minutes: number) => new Date(Date.UTC(2026, 4, 4, 12, minutes)).toISOString();
const result = (task: string, model: string | null, more: object = {}, minutes = 0) =>
  ({ task, model, finished_at: noon(minutes), result: { task, ...(model && { model: { name: model } }), top: [], ...more } }) as unknown as TrackResult;
const job = (name: string, status: string, minutes = 0) =>
  ({
    id: `job_${name}_${status}_${minutes}`,
    status,
    created_at: noon(minutes),
    tasks: [{ name, status, finished_at: status === "failed" ? noon(minutes) : null }],
  }) as unknown as Job;

const RESULTS = [
  result("classify", "genre-10", { top: [{ label: "jazz", probability: 0.8 }], unknown: false }),
  result("explain", "genre-10"),
  result("separate", "htdemucs"),
  result("classify", "environment-50", { top: [{ label: "rain", probability: 0.2 }], unknown: true }),
  result("embed", "environment-50"),
  result("describe", null, { tempo_bpm: 120 }),
];

describe("a track's state", () => {
  it("has the classification and the evidence of one model only, and what needs no model", () => {
    const has = (model: string) => {
      const state = new TrackState(RESULTS, [], [model]);
      return (["classify", "embed", "explain", "separate", "describe"] as const).filter((name) => state.has(name));
    };
    expect(has("genre-10")).toEqual(["classify", "embed", "explain", "separate", "describe"]);
    expect(has("environment-50")).toEqual(["classify", "embed", "separate", "describe"]);
    expect(new TrackState(RESULTS, [], ["environment-50"]).classified?.model.name).toBe("environment-50");
    expect(new TrackState(RESULTS, [], ["environment-50"]).result("explain")).toBeNull();
    expect(new TrackState(RESULTS, [], ["genre-10"]).result("describe")?.tempo_bpm).toBe(120);
  });

  it("uses the newest model until one is selected, and has the label by each", () => {
    expect(new TrackState(RESULTS, [], null).models).toEqual(["genre-10"]);
    expect(new TrackState(RESULTS, [], null).labels).toEqual([
      { model: "genre-10", label: "jazz" },
      { model: "environment-50", label: null },
    ]);
    expect(new TrackState(RESULTS, [], ["environment-10"]).models).toEqual(["environment-10"]);
    expect(new TrackState(RESULTS, [], ["environment-10"]).classified).toBeNull();
    expect(new TrackState([], [], null).models).toBeNull();
  });

  it("has the evidence of every model that answered", () => {
    const answers = ["genre-10", "music-100"].map((name) => ({ model: { name }, top: [], thresholds: [] }));
    const chosen = result("classify", "genre-10", { kind: "music", answers });
    const explained = ["music-100", "environment-50"].map((name) => result("explain", name));
    const state = new TrackState([chosen, ...explained, ...RESULTS.slice(3)], [], null);
    expect(state.models).toEqual(["auto"]);
    expect(state.result("explain")?.model.name).toBe("music-100");
    expect(state.result("explain", ({ model }) => model.name === "environment-50")).toBeNull();
  });

  it("keeps the evidence of the label that counts, whatever else was asked for later", () => {
    const heard = result("classify", "genre-10", { top: [{ label: "pop", probability: 0.4 }], unknown: false });
    const explained = (label: string, variant: string | null, layer: string) =>
      ({ ...result("explain", "genre-10", { label, layer }), variant }) as TrackResult;
    const asked = [explained("country", "country", "layer4"), explained("pop", "pop", "layer1")];
    const own = explained("pop", null, "layer4");
    const shown = (...results: TrackResult[]) => new TrackState([...results, heard], [], null).explained;
    expect(shown(...asked, own)).toBe(own.result);
    expect(shown(...asked)?.label).toBe("pop");
    expect(shown(...asked.slice(0, 1))?.label).toBe("country");
    const here = { ...result("explain", "genre-10", { label: "pop", stretch: { start_s: 60, end_s: 65 } }), variant: "pop" } as TrackResult;
    expect(shown(here, ...asked, own)).toBe(own.result);
    expect(shown(here)).toBeNull();
    expect(shown()).toBeNull();
  });

  it("tells models that were named from the same ones chosen by what is heard", () => {
    const answers = ["genre-10", "music-100"].map((name) => ({ model: { name }, top: [], thresholds: [] }));
    const named = new TrackState([result("classify", "genre-10", { kind: null, answers })], [], null);
    expect(named.models).toEqual(["genre-10", "music-100"]);
    expect(named.isClassifiedBy(["genre-10", "music-100"])).toBe(true);
    for (const others of [["auto"], ["genre-10"], ["music-100", "genre-10"]] as const) expect(named.isClassifiedBy(others)).toBe(false);
  });

  it("knows the tasks that have not ended, and those that failed and have not succeeded since", () => {
    const jobs = [
      job("separate", "running", 9),
      job("mixdown", "queued", 8),
      job("features", "failed", 7),
      job("describe", "failed", 6),
      job("separate", "failed", 5),
    ];
    const state = new TrackState([result("describe", null, {}, 7), ...RESULTS], jobs, ["genre-10"]);
    expect(state.task("features")?.status).toBe("failed");
    expect(state.task("separate")?.status).toBe("running");
    expect(state.task("describe")).toBeNull();
    expect(state.task("embed")).toBeNull();
    expect([state.isGoing("mixdown"), state.isGoing("features")]).toEqual([true, false]);
  });

  it("says why there is no evidence", () => {
    const text = (...jobs: Job[]) => unexplainedText(new TrackState([], jobs, null));
    expect(text()).toBe("No evidence has been computed yet.");
    expect(text(job("explain", "failed", 5))).toBe("No evidence could be computed.");
    expect(text(job("explain", "running", 6), job("explain", "failed", 5))).toBe("The evidence is being computed.");
  });

  it("says of another model's evidence, which failed or is being computed, nothing", () => {
    const by = (model: string | string[], status: string) => ({ ...job("explain", status, 5), options: { classify: { model } } }) as unknown as Job;
    const heard = result("classify", "environment-50", { kind: "environment" });
    const text = (model: string, ...jobs: Job[]) => unexplainedText(new TrackState([heard, result("classify", "genre-10")], jobs, [model]));
    for (const models of ["environment-50", "auto", ["environment-50"]]) {
      expect(text("genre-10", by(models, "failed"))).toBe("No evidence has been computed yet.");
      expect(text("genre-10", by(models, "running"))).toBe("No evidence has been computed yet.");
      expect(text("environment-50", by(models, "failed"))).toBe("No evidence could be computed.");
      expect(text("auto", by(models, "running"))).toBe("The evidence is being computed.");
    }
    expect(text("genre-10", by("genre-10", "failed"), by("auto", "running"))).toBe("No evidence could be computed.");
  });

  it("gives the newest result that fits", () => {
    const explained = (label: string, stems: object | null) => result("explain", "genre-10", { label, stems });
    const state = new TrackState([explained("jazz", null), explained("pop", null), explained("pop", { probability: 1 })], [], null);
    expect(state.result("explain")?.label).toBe("jazz");
    expect(state.result("explain", ({ label }) => label === "pop")?.stems).toBeNull();
    expect(state.result("explain", ({ stems }) => stems !== null)?.label).toBe("pop");
  });

  it("passes over a result that this version of the service cannot read", () => {
    const unread = { ...result("describe", null), result: null };
    expect(new TrackState([unread], [], null).has("describe")).toBe(false);
  });
});

/** The service as `fetch` sees it: a track's results under an entity tag, and its jobs by status, page by page. */
class Service {
  readonly requests: string[] = [];
  etag = '"1"';
  results = RESULTS;
  jobs: Job[] = [];

  readonly fetch = (input: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(input.url);
    const known = input.headers.get("If-None-Match");
    this.requests.push(`${pathname} ${searchParams.get("status") ?? known ?? ""}`.trim());
    if (pathname.endsWith("/results")) {
      const headers = { ETag: this.etag };
      if (known === this.etag) return Promise.resolve(new Response(null, { status: 304, headers }));
      return Promise.resolve(Response.json({ track_id: "trk_1", items: this.results }, { headers }));
    }
    const found = this.jobs.filter(({ status }) => !searchParams.has("status") || status === searchParams.get("status"));
    const [from, limit] = [Number(searchParams.get("cursor") ?? 0), Number(searchParams.get("limit"))];
    const next_cursor = from + limit < found.length ? `${from + limit}` : null;
    return Promise.resolve(Response.json({ items: found.slice(from, from + limit), next_cursor }));
  };
}

describe("reading a track's state", () => {
  const read = async (service: Service, known?: TrackAnswer) => {
    vi.resetModules();
    vi.stubGlobal("fetch", service.fetch);
    // Node has neither a page's address nor its storage.
    vi.stubGlobal("Request", PageRequest);
    vi.stubGlobal("sessionStorage", { getItem: () => null });
    const { readTrackState } = await import("../src/state/reading");
    return readTrackState("trk_1", known, new AbortController().signal);
  };
  afterEach(() => vi.unstubAllGlobals());

  it("finds results however many jobs came later, and every job that has not ended", async () => {
    const service = new Service();
    service.jobs = [
      ...Array.from({ length: 60 }, (_, at) => job("mixdown", "succeeded", 300 + at)),
      ...Array.from({ length: 130 }, (_, at) => job("explain", "queued", 100 + at)),
      job("features", "failed", 50),
    ];
    const { results, jobs } = await read(service);
    const state = new TrackState(results, jobs, null);
    expect(state.result("describe")?.tempo_bpm).toBe(120);
    expect(state.open).toHaveLength(130);
    expect(state.task("features")?.status).toBe("failed");
    expect(state.task("mixdown")).toBeNull();
  });

  it("reads the results after the jobs, so that a task that ends in between is in one of them", async () => {
    const service = new Service();
    await read(service);
    expect(service.requests.map((request) => request.replace("/v1/", ""))).toEqual([
      "jobs queued",
      "jobs running",
      "jobs failed",
      "tracks/trk_1/results",
    ]);
  });

  it("keeps results that have not changed and takes those that have", async () => {
    const service = new Service();
    const first = await read(service);
    service.results = [];
    const second = await read(service, first);
    expect(second.results).toBe(first.results);
    expect(service.requests.at(-1)).toBe('/v1/tracks/trk_1/results "1"');
    service.etag = '"2"';
    expect((await read(service, second)).results).toEqual([]);
  });
});
