import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ComponentProps, createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import type { Track } from "../src/api/client";
import { SharedLabels } from "../src/shared/SharedLabels";
import { unmeasuredSharedText } from "../src/state/absent";
import { TrackStateProvider } from "../src/state/TrackStateProvider";

/** What a visitor reads of a recording with these facts, and results. */
function shown(facts: Partial<Track>, results: object[] = []): string {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } });
  client.setQueryData(["jobs", "of", "trk_1"], { etag: null, results, jobs: [] });
  const labels = createElement(SharedLabels, { track: { id: "trk_1", ...facts } as Track });
  const page = createElement(TrackStateProvider, { trackId: "trk_1", audioTrack: null } as ComponentProps<typeof TrackStateProvider>, labels);
  return renderToStaticMarkup(createElement(QueryClientProvider, { client }, page));
}

test("a visitor reads why a recording has no labels", () => {
  expect(shown({ classified_by: [], classification_failed: true })).toContain("It could not be listened to.");
  expect(shown({ classified_by: [], classification_failed: false })).toContain("It was not listened to yet.");
  expect(shown({ classified_by: ["birds"] })).toContain("It was listened to by birds.");
});

test("a visitor reads whether measuring was tried", () => {
  expect(unmeasuredSharedText({ measurement_failed: true })).toBe("It could not be measured.");
  expect(unmeasuredSharedText({ measurement_failed: false })).toBe("Not measured yet.");
});

test("of silence a visitor reads no label", () => {
  const silence = { task: "classify", model: { name: "birds" }, kind: "silence", top: [{ label: "owl", probability: 0.1 }], unknown: true };
  const heard = { task: "classify", model: "birds", finished_at: "2026-01-02T03:04:05Z" };
  const text = shown({ classified_by: ["birds"] }, [{ ...heard, result: silence }]);
  expect(text).toContain("Nothing in the recording is loud enough to be classified.");
  expect(text).not.toMatch(/owl|unknown/);
  expect(shown({ classified_by: ["birds"] }, [{ ...heard, result: { ...silence, kind: "environment" } }])).toContain("owl");
});
