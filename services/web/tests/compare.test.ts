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
function side(facts: Partial<Track>, results: object[] = [], explaining: string | null = null): string {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } });
  const task = { name: "explain", status: explaining, finished_at: explaining === "failed" ? NOON : null };
  const jobs = explaining ? [{ id: "job_1", status: explaining, created_at: NOON, tasks: [task] }] : [];
  client.setQueryData(["jobs", "of", "trk_1"], { etag: null, results, jobs });
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
  const text = side({ label: "wolf", label_confirmed: true, confirmed: ["wolf", "night_time"], confirmed_in_parts: ["owl"] });
  const said = [...text.matchAll(/<li><strong>(.*?)<\/li>/g)].map(([, one = ""]) => one.replace(/<[^>]*>/g, ""));
  expect(said).toEqual(["wolf, confirmed by you", "night time, confirmed by you", "owl (in parts), confirmed by you"]);
});
