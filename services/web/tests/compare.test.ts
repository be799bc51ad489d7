import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ComponentProps, createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Router } from "wouter";
import type { Track } from "../src/api/client";
import { Figures } from "../src/compare/Figures";
import { TrackStateProvider } from "../src/state/TrackStateProvider";

const NOON = "2026-01-02T12:00:00Z";
const explained = { task: "explain", model: "m", variant: null, finished_at: NOON, result: { task: "explain", model: { name: "m" }, label: "dog" } };

/** What a side of a comparison says of a recording. */
function side(facts: Partial<Track>, results: object[] = [], explaining: string | null = null, labels: object[] = []): string {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } });
  const task = { name: "explain", status: explaining, finished_at: explaining === "failed" ? NOON : null };
  const jobs = explaining ? [{ id: "job_1", status: explaining, created_at: NOON, tasks: [task] }] : [];
  client.setQueryData(["jobs", "of", "trk_1"], { etag: null, results, jobs });
  client.setQueryData(["session", null], { scopes: ["read", "write"], key_id: "usr_ada" });
  client.setQueryData(["track", "trk_1", "labels"], { revision: 1, labels });
  const figures = createElement(Figures, { track: { id: "trk_1", duration_s: 5, ...facts } as Track, models: null });
  const state = createElement(TrackStateProvider, { trackId: "trk_1", audioTrack: null } as ComponentProps<typeof TrackStateProvider>, figures);
  return renderToStaticMarkup(createElement(Router, { ssrPath: "/compare" } as ComponentProps<typeof Router>, createElement(QueryClientProvider, { client }, state)));
}

test("a side without evidence says why, and where it can be asked for", () => {
  const link = 'href="/tracks/trk_1"';
  expect(side({})).toContain("No evidence has been computed yet.");
  expect(side({})).toContain(link);
  expect(side({}, [], "failed")).toContain("No evidence could be computed.");
  expect(side({}, [], "running")).toContain("The evidence is being computed.");
  expect(side({}, [], "running")).not.toContain(link);
  expect(side({}, [explained])).not.toMatch(/evidence|href/);
});

test("a side has all that was confirmed, of parts too", () => {
  const label = (label: string, key_id: string | null, start_s: number | null = null) => ({ label, state: "confirmed", start_s, end_s: start_s, key_id });
  const labels = [label("wolf", "usr_ada"), label("night_time", "usr_bob"), label("rain", null), label("wolf", "usr_bob", 1), label("owl", "usr_ada", 1), label("owl", "k2", 2)];
  const facts = { label: "wolf", label_confirmed: true, confirmed: ["wolf", "night_time", "rain"], confirmed_in_parts: ["wolf", "owl"] };
  const said = [...side(facts, [], null, labels).matchAll(/<li><strong>(.*?)<\/li>/g)].map(([, one = ""]) => one.replace(/<[^>]*>/g, ""));
  expect(said).toEqual([
    "wolf, confirmed by you",
    "night time, confirmed by a colleague",
    "rain, confirmed",
    "wolf (in parts), confirmed by a colleague",
    "owl (in parts), confirmed",
  ]);
});
