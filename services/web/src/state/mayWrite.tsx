import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, dataOf } from "../api/client";
import { isSharedPage } from "../api/credential";
import type { components } from "../api/schema";
import { useKey } from "../api/session";

type Told = Pick<components["schemas"]["CurrentSession"], "scopes">;

/** The query of who a key or a session is of and what it may do, which is asked once. */
export function ownSession(credential: string | null) {
  return queryOptions({
    queryKey: ["session", credential],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/session", { signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Whether whoever the service told this of may change something; true where it did not say. */
export function allowsWrites(told: Told | undefined): boolean {
  return told?.scopes?.includes("write") ?? true;
}

/**
 * Whether whoever has the page open may change something, and have something computed. Not so for the visitor of a shared
 * link, nor with a key or a role that may only read; true until the service has answered.
 */
export function useMayWrite(): boolean {
  const credential = useKey();
  const visiting = isSharedPage();
  const { data } = useQuery({ ...ownSession(credential), enabled: credential !== null && !visiting });
  return !visiting && allowsWrites(data);
}

/** What changes something, or has something computed: for those who may. */
export function Writes({ children, otherwise = null }: { children: ReactNode; otherwise?: ReactNode }) {
  return useMayWrite() ? children : otherwise;
}

/** In place of what is left out for somebody who may only read: whom to ask to be allowed to do it. */
export function onlyReadText(what: string): string {
  return `You may look and listen here. Ask whoever runs this service to be allowed to ${what}.`;
}

/** Who confirmed and rejected labels, to whoever reads the page: `you`, `its owner`. */
export function useWho(): string {
  return useMayWrite() ? "you" : "its owner";
}
