import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, dataOf, fetchWithKey, type Job } from "../api/client";
import { saveAs } from "../api/download";
import { renewalMs } from "../api/links";
import type { components } from "../api/schema";
import { hasEnded } from "../api/watch";

type Schemas = components["schemas"];
export type Classifier = Schemas["ClassifierCard"];
export type Figures = Schemas["ClassifierFigures"];
export type Doubt = Schemas["DoubtfulExample"];
export type Version = Schemas["ClassifierVersion"];
export type QueuedWindow = Schemas["QueuedWindow"];
export type ClassifierRequest = Schemas["ClassifierRequest"];
export type TeachRequest = Schemas["TeachRequest"];
export type Example = NonNullable<ClassifierRequest["examples"]>[string][number];

const EVERY_MS = 1_000;
const LIST = ["classifiers", "all"];
const MOST_ASKED = 100;
const COUNTED = 100;

/** Whether a teaching of it waits or runs. */
export function isTaught(state: Classifier["state"]): boolean {
  return state === "embedding" || state === "teaching";
}

/** What a further teaching is asked for: one that was imported keeps nothing else, and is taught no labels but its own. */
export function teachingOf(one: Classifier): TeachRequest {
  return wasImported(one) && !one.named_labels ? { confirmed: true, labels: one.labels } : {};
}

/** Whether its newest version is of a file. */
export function wasImported({ version, figures }: Pick<Classifier, "version" | "figures">): boolean {
  return version > 0 && figures === null;
}

/** What a teaching is to be asked for so that a label counts beside all that counts already; where no labels were named, each one does. */
export function taughtWith(one: Classifier, label: string): TeachRequest {
  const asked = one.confirmed ? teachingOf(one) : { confirmed: true, labels: one.named_labels ?? one.labels };
  const named = asked.labels ?? one.named_labels;
  return !named || named.includes(label) ? asked : { ...asked, labels: [...named, label] };
}

export function useOwnClassifiers() {
  return useQuery({
    queryKey: LIST,
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/classifiers", { signal })).items,
    refetchInterval: ({ state: { data } }) => (data?.some(({ state: of }) => isTaught(of)) ? EVERY_MS : false),
    refetchOnMount: "always",
  });
}

/** A classifier's card, with all its labels. */
export async function readClassifier(name: string, signal?: AbortSignal): Promise<Classifier> {
  return dataOf(await api.GET("/v1/classifiers/{name}", { ...named(name), ...(signal && { signal }) }));
}

export function useClassifier(name: string) {
  return useQuery({
    queryKey: ["classifiers", "one", name],
    enabled: name !== "",
    queryFn: ({ signal }) => readClassifier(name, signal),
    refetchInterval: ({ state: { data } }) => (data && isTaught(data.state) ? EVERY_MS : false),
    refetchOnMount: "always",
  });
}

/** The versions of a classifier, the newest first; read again when it has a newer one. */
export function useVersions(name: string, newest: number) {
  return useQuery({
    queryKey: ["classifiers", "versions", name, newest],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/classifiers/{name}/versions", { ...named(name), signal })).items,
    placeholderData: (before) => before,
  });
}

/** The windows that one version would be taught most by. Their links are renewed before they expire. */
export function useQueue(name: string, version: number) {
  return useQuery({
    queryKey: ["classifiers", "queue", name, version],
    enabled: version > 0,
    queryFn: async ({ signal }) => {
      const params = { ...named(name).params, query: { limit: MOST_ASKED } };
      return dataOf(await api.GET("/v1/classifiers/{name}/queue", { params, signal }));
    },
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
    refetchInterval: ({ state: { data, dataUpdatedAt } }) => renewalMs(data, dataUpdatedAt),
  });
}

/** A job, read again until it has ended; null for none. */
export function useJob(id: string | null, wanted: boolean) {
  return useQuery({
    queryKey: ["jobs", "one", id],
    enabled: id !== null && wanted,
    queryFn: async ({ signal }): Promise<Job> => dataOf(await api.GET("/v1/jobs/{job_id}", { params: { path: { job_id: id as string } }, signal })),
    refetchInterval: ({ state: { data } }) => (data && hasEnded(data) ? false : EVERY_MS),
  });
}

/** All labels that were confirmed of some recording, those of most recordings first. */
export function useConfirmedLabels() {
  return useQuery({
    queryKey: ["tracks", "labels"],
    queryFn: async ({ signal }) => (await everyLabel(signal)).filter(({ confirmed }) => confirmed > 0).sort((a, b) => b.confirmed - a.confirmed),
  });
}

async function everyLabel(signal: AbortSignal): Promise<Schemas["LabelCount"][]> {
  const found: Schemas["LabelCount"][] = [];
  for (let cursor: string | null = null; ; ) {
    const params = { query: { limit: COUNTED, ...(cursor && { cursor }) } };
    const page: Schemas["Page_LabelCount_"] = dataOf(await api.GET("/v1/labels", { params, signal }));
    found.push(...page.items);
    if (!page.next_cursor) return found;
    cursor = page.next_cursor;
  }
}

/** What can be done with classifiers. Lists, cards and the models are read again after each. */
export function useClassifierActions() {
  return {
    create: useAction(async (body: ClassifierRequest) => dataOf(await api.POST("/v1/classifiers", { body }))),
    teach: useAction(async ({ name, body = {} }: { name: string; body?: TeachRequest }) =>
      dataOf(await api.POST("/v1/classifiers/{name}/teach", { ...named(name), body })),
    ),
    apply: useAction(async (name: string) => dataOf(await api.POST("/v1/classifiers/{name}/apply", named(name)))),
    remove: useRemoval(),
    bring: useAction(async ({ name, file }: { name: string; file: File }) => {
      const form = new FormData();
      form.set("file", file, file.name);
      const answer = await fetchWithKey(`/v1/classifiers/${encodeURIComponent(name)}`, { method: "PUT", body: form });
      return (await answer.json()) as Classifier;
    }),
    take: useMutation({
      mutationFn: ({ name, version }: { name: string; version: number }) =>
        saveAs(`/v1/classifiers/${encodeURIComponent(name)}/export?version=${version}`, `${name}-${version}.zip`),
    }),
  };
}

/** What is shown of it must not be read again: it is gone, and its page is left. */
function useRemoval() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => api.DELETE("/v1/classifiers/{name}", named(name)),
    onSuccess: () => Promise.all([["models"], ["jobs"], ["tracks"]].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}

function named(name: string) {
  return { params: { path: { name } } };
}

function useAction<Given, Made>(act: (given: Given) => Promise<Made>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () => Promise.all([["classifiers"], ["models"], ["jobs"]].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}
