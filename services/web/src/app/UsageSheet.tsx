import { useQuery } from "@tanstack/react-query";
import { api, dataOf, type QuotaUsage, type SignedInUser } from "../api/client";
import { currentKey, keepKey, signOut, useIsKept } from "../api/session";
import { ownSession, useMayOnlyRead } from "../state/mayWrite";
import { isUser } from "../api/user";
import { Button, ErrorNote, ProgressBar, Skeleton } from "../ui/controls";
import { Dialog } from "../ui/Dialog";
import { dateAndTime } from "../ui/format";
import { amount, freeAgain, QUOTAS } from "./quotas";

const EVERY_MS = 5_000;

/** How much of each quota the owner of this key has used, and how long the key is kept. */
export function UsageSheet({ onClose }: { onClose: () => void }) {
  const found = useQuery({
    queryKey: ["usage"],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/usage", { signal })).quotas,
    refetchInterval: EVERY_MS,
  });
  return (
    <Dialog title="Usage and sign-in" onClose={onClose}>
      <p className="quiet">Of all keys and people of this owner together.</p>
      {found.error && !found.data ? <ErrorNote>{found.error.message}</ErrorNote> : null}
      {found.data ? (
        <ul className="usage">
          {found.data.map((quota) => (
            <Used key={quota.name} quota={quota} />
          ))}
        </ul>
      ) : (
        <Skeleton height={240} />
      )}
      {isUser(currentKey() ?? "") ? <SignedIn /> : <Kept />}
    </Dialog>
  );
}

/** Who signed in through the identity provider, until when, and a way out of all browsers. */
function SignedIn() {
  const found = useQuery({ ...ownSession(currentKey()), staleTime: 0 });
  return (
    <div className="stack kept">
      {found.error && !found.data ? <ErrorNote>{found.error.message}</ErrorNote> : null}
      {found.data?.user ? <Person user={found.data.user} /> : found.isPending ? <Skeleton height={48} /> : null}
      <Button onClick={() => signOut(true)}>Sign out everywhere</Button>
    </div>
  );
}

function Person({ user: { name, email, scopes, expires_at } }: { user: SignedInUser }) {
  return (
    <>
      <span>
        Signed in as <strong>{name}</strong>
        {email && email !== name ? ` (${email})` : null}
        {scopes.includes("write") ? null : ", who may read and change nothing"}
      </span>
      <span className="quiet small">Until {dateAndTime(expires_at)}.</span>
    </>
  );
}

function Kept() {
  const kept = useIsKept();
  const mayOnlyRead = useMayOnlyRead();
  return (
    <div className="stack kept">
      {mayOnlyRead ? <span>This key may read and change nothing.</span> : null}
      <label className="row">
        <input type="checkbox" checked={kept} onChange={(event) => keepKey(event.currentTarget.checked)} />
        Stay signed in on this machine
      </label>
      <span className="quiet small">
        {kept ? "The key is kept when the browser is closed, for whoever uses this account of the machine." : "The key is forgotten with the last tab."}
      </span>
    </div>
  );
}

function Used({ quota }: { quota: QuotaUsage }) {
  const name = QUOTAS[quota.name];
  return (
    <li className="stack">
      <div className="row spread">
        <span>{name}</span>
        <span className="quiet">
          {amount(quota.name, quota.used)}
          {quota.limit === null ? ", no limit" : ` of ${amount(quota.name, quota.limit)}`}
        </span>
      </div>
      {quota.limit === null ? null : <ProgressBar share={Math.min(1, quota.used / quota.limit)} label={name} />}
      {freeAgain(quota) ? <span className="quiet small">{freeAgain(quota)}</span> : null}
    </li>
  );
}
