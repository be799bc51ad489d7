import { useQuery } from "@tanstack/react-query";
import { api, held } from "../api/client";
import { ago } from "../ui/format";
import { seconds } from "../api/words";

const EVERY_MS = 3_000;
const POOLS = { gpu: "GPU", cpu: "CPU" } as const;

/** How full the queues are and who works, over all owners. */
export function Queues() {
  const found = useQuery({
    queryKey: ["queues"],
    queryFn: async ({ signal }) => held(await api.GET("/v1/queues", { signal })),
    refetchInterval: EVERY_MS,
    retry: false,
  });
  if (!found.data) return null;
  const { queues, workers } = found.data;
  return (
    <section className="queues" aria-label="Queues and workers" tabIndex={0}>
      <table>
        <caption className="unseen">Queues</caption>
        <thead>
          <tr>
            {["queue", "waiting", "running", "done, last hour", "workers"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={`${queue.pool} ${queue.lane}`}>
              <th scope="row">
                {POOLS[queue.pool]}, {queue.lane}
              </th>
              <td>
                {queue.queued}
                {queue.queued ? <span className="quiet"> · longest {seconds(queue.oldest_s)}</span> : null}
              </td>
              <td>{queue.running}</td>
              <td>{queue.ended_last_hour}</td>
              <td className={queue.workers ? "" : "job__bad"}>{queue.workers || "none"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul aria-label="Workers">
        {workers.map((worker) => (
          <li key={worker.id}>
            <span className="queues__alive" aria-hidden="true" />
            {POOLS[worker.pool]} worker on {worker.device ?? "this machine"}
            <span className="quiet">
              {" "}
              · {worker.lanes.join(" and ")} tasks · {worker.host} · started {ago(worker.started_at)}
            </span>
          </li>
        ))}
        {workers.length ? null : <li className="job__bad">No worker is running; what is asked for waits until one does.</li>}
      </ul>
    </section>
  );
}
