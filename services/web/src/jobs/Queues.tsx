import { useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../api/client";
import { ago } from "../ui/format";
import { POOLS, secondsText } from "../api/taskText";

const EVERY_MS = 3_000;

/** The queues' depths and the live workers, over all owners. */
export function Queues() {
  const found = useQuery({
    queryKey: ["queues"],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/queues", { signal })),
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
            {["queue", "waiting", "running", "ended, last hour", "workers"].map((name) => (
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
                {queue.queued ? <span className="quiet"> · oldest {secondsText(queue.oldest_s)}</span> : null}
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
            {POOLS[worker.pool]} worker
            <span className="quiet">
              {" "}
              · device {worker.device ?? "unknown"} · {worker.lanes.join(" and ")} tasks · {worker.host} · started {ago(worker.started_at)}
            </span>
          </li>
        ))}
        {workers.length ? null : <li className="job__bad">No worker is running. Tasks wait until one starts.</li>}
      </ul>
    </section>
  );
}
