import { useQuery } from "@tanstack/react-query";
import { api, dataOf, type QuotaUsage } from "../api/client";
import { ErrorNote, ProgressBar, Skeleton } from "../ui/controls";
import { Dialog } from "../ui/Dialog";
import { amount, freeAgain, QUOTAS } from "./quotas";

const EVERY_MS = 5_000;

/** How much of each quota the owner of this key has used. */
export function UsageSheet({ onClose }: { onClose: () => void }) {
  const found = useQuery({
    queryKey: ["usage"],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/usage", { signal })).quotas,
    refetchInterval: EVERY_MS,
  });
  return (
    <Dialog title="Usage" onClose={onClose}>
      <p className="quiet">Of all keys of this owner together.</p>
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
    </Dialog>
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
