import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, dataOf } from "../api/client";
import { isSharedPage } from "../api/credential";
import type { components } from "../api/schema";
import { currentKey, remember, remembered, takeFoundSession, useKey } from "../api/session";

type CurrentSession = components["schemas"]["CurrentSession"];
type Access = Pick<CurrentSession, "scopes" | "key_id">;

const REMEMBERED = "access";
const VISITOR: Access = { scopes: [] };
const USER = "usr_";

/** The query of who a key or a session is of and what it may do, which is asked once. */
export function ownSession(credential: string | null) {
  return queryOptions({
    queryKey: ["session", credential],
    queryFn: async ({ signal }) => {
      const session = (credential && (await takeFoundSession(credential))) || dataOf(await api.GET("/v1/session", { signal }));
      const { scopes, key_id }: Access = session;
      if (credential === currentKey()) remember(REMEMBERED, JSON.stringify({ scopes, key_id }));
      return session;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Whether whoever the service told this of may change something: nobody before it has, everybody where it did not say. */
export function allowsWrites(told: Access | undefined): boolean {
  return told !== undefined && (told.scopes?.includes("write") ?? true);
}

/** What whoever has the page open may do, as the service says it, or said it last in this tab; undefined before. */
function useAccess(): { access: Access | undefined; asking: boolean } {
  const credential = useKey();
  const visiting = isSharedPage();
  const { data, isError, failureCount, fetchStatus } = useQuery({ ...ownSession(credential), enabled: credential !== null && !visiting });
  if (visiting) return { access: VISITOR, asking: false };
  const last = credential === null ? undefined : lastAccess();
  const access = data ?? last ?? (isError ? {} : undefined);
  return { access, asking: access === undefined && fetchStatus === "fetching" && failureCount === 0 };
}

function lastAccess(): Access | undefined {
  return JSON.parse(remembered(REMEMBERED) ?? "null") ?? undefined;
}

/** Whether the service is asked for the first time in this tab what may be done, and has not answered. */
export function useIsAskingAccess(): boolean {
  return useAccess().asking;
}

/**
 * Whether whoever has the page open may change something, and have something computed. Not so for the visitor of a shared
 * link, nor with a key or a role that may only read.
 */
export function useMayWrite(): boolean {
  return allowsWrites(useAccess().access);
}

/** Whether it is known that whoever has the page open may only read. */
export function useMayOnlyRead(): boolean {
  const { access } = useAccess();
  return access !== undefined && !allowsWrites(access);
}

/** What changes something, or has something computed: for those who may. */
export function Writes({ children, otherwise = null }: { children: ReactNode; otherwise?: ReactNode }) {
  const { access } = useAccess();
  if (access === undefined) return null;
  return allowsWrites(access) ? children : otherwise;
}

/** In place of what is left out for somebody who may only read: whom to ask to be allowed to do it. */
export function onlyReadText(what: string): string {
  return `You may look and listen here. Ask whoever runs this service to be allowed to ${what}.`;
}

/**
 * Who confirmed or rejected a label, by the key or user that the service names, in words that follow: ` by you`. Nothing where it is not
 * known. To those who may not, it is its owner's, whoever of them it was.
 */
export function useBy(): (keyId: string | null | undefined) => string {
  const { access } = useAccess();
  return (keyId) => (allowsWrites(access) ? byText(keyId, access?.key_id) : " by its owner");
}

/** `own` is the key, or the user, who reads. Whose a key is nobody says: one person may have several. */
export function byText(keyId: string | null | undefined, own: string | null | undefined): string {
  if (!keyId || !own) return "";
  if (keyId === own) return " by you";
  if (keyId.startsWith(USER)) return " by a colleague";
  return own.startsWith(USER) ? " with an API key" : " with another API key";
}
