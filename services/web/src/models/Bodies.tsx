import type { BodyCard } from "../api/client";

/** The bodies that a model runs on, each with its network, its origin and its licence. */
export function Bodies({ bodies }: { bodies: BodyCard[] }) {
  return (
    <section className="stack bodies">
      <h3>Runs on</h3>
      {bodies.map(({ name, architecture, data, licence, origin, digest }) => (
        <dl key={name}>
          <div>
            <dt>body</dt>
            <dd>
              {name} <span className="quiet">({architecture})</span>
            </dd>
          </div>
          <div>
            <dt>data</dt>
            <dd>{data}</dd>
          </div>
          {origin ? (
            <div>
              <dt>origin</dt>
              <dd className="card__digest">{String(origin.address ?? origin.package)}</dd>
            </div>
          ) : null}
          <div>
            <dt>licence</dt>
            <dd>{licence}</dd>
          </div>
          <div>
            <dt>digest</dt>
            <dd className="mono small card__digest">{digest}</dd>
          </div>
        </dl>
      ))}
    </section>
  );
}
