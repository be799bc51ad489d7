import { createContext, useContext, useMemo, useState } from "react";
import type { Job, TaskName } from "../api/client";
import { newest, type ModelRef, type Results } from "./results";

/** The model whose hearing is shown: the one that was picked, else the one that listened last; and all that have. */
export type Listener = { model: string | null; listened: readonly string[]; pick: (model: string) => void };

const ListenerContext = createContext<Listener>({ model: null, listened: [], pick: () => undefined });
export const ListenerProvider = ListenerContext.Provider;
export const useListener = () => useContext(ListenerContext);

const LISTENING: readonly TaskName[] = ["classify", "embed", "explain", "features"];

/** The listener, and the track's jobs without what other models heard. */
export function useListening(jobs: Job[] | undefined): { listener: Listener; heard: Job[] | undefined } {
  const [picked, pick] = useState<string | null>(null);
  const model = picked ?? newest(jobs ?? [], "classify")?.model.name ?? null;
  const listener = useMemo(() => ({ model, listened: listeners(jobs ?? []), pick }), [model, jobs]);
  const heard = useMemo(() => jobs && (model === null ? jobs : heardBy(jobs, model)), [jobs, model]);
  return { listener, heard };
}

/** Every model that has classified. */
function listeners(jobs: readonly Job[]): string[] {
  const results = jobs.flatMap((job) => job.tasks).filter(({ name, result }) => name === "classify" && result);
  return results.map(({ result }) => (result as Results["classify"]).model.name);
}

/** The jobs without what any other model than this one heard. */
export function heardBy(jobs: readonly Job[], model: string): Job[] {
  const isOthers = ({ name, result }: Job["tasks"][number]) =>
    LISTENING.includes(name) && Boolean(result) && (result as { model: ModelRef }).model.name !== model;
  return jobs.map((job) => ({ ...job, tasks: job.tasks.filter((task) => !isOthers(task)) }));
}
