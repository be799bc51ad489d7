import { useState } from "react";
import { api, dataOf, type SpaceCard } from "../api/client";
import { errorText } from "../api/problem";
import { Writes } from "../state/mayWrite";
import { Button, ErrorNote } from "../ui/controls";
import { percent } from "../ui/format";
import { spaceState } from "./spaceState";
import { useSpaces } from "./queries";

/** The spaces that hold vectors of the library: how full each is, and how many of the nearest its searches find. */
export function Spaces() {
  const found = useSpaces();
  if (found.isError) return <ErrorNote>{errorText(found.error)}</ErrorNote>;
  if (!found.data?.length) return null;
  return (
    <section className="card stack" aria-labelledby="spaces">
      <h2 id="spaces">Spaces</h2>
      <p className="quiet">
        Recordings are compared within a space. When a model is replaced, searches stay in its old space until the new one is
        filled.
      </p>
      <div className="spaces" role="region" aria-label="Table of spaces" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">model</th>
              <th scope="col">state</th>
              <th scope="col">recordings</th>
              <th scope="col">windows</th>
              <th scope="col">recall</th>
            </tr>
          </thead>
          <tbody>
            {found.data.map((card) => (
              <tr key={card.id}>
                <th scope="row">{card.model}</th>
                <td>{spaceState(card)}</td>
                <td>{card.tracks.toLocaleString("en")}</td>
                <td>{card.windows.toLocaleString("en")}</td>
                <td>{card.recall === null ? "not measured" : percent(card.recall)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Writes>
        <Fill spaces={found.data} onAsked={() => void found.refetch()} />
      </Writes>
    </section>
  );
}

function Fill({ spaces, onAsked }: { spaces: SpaceCard[]; onAsked: () => void }) {
  const [failed, setFailed] = useState<unknown>(null);
  const missing = spaces.filter((card) => card.missing && !underWay(card));
  if (!missing.length) return null;
  const fill = async () => {
    try {
      dataOf(await api.POST("/v1/spaces/reembed"));
      setFailed(null);
    } catch (error) {
      setFailed(error);
    }
    onAsked();
  };
  return (
    <>
      <Button onClick={() => void fill()}>Embed what is missing</Button>
      {failed ? <ErrorNote>{errorText(failed)}</ErrorNote> : null}
    </>
  );
}

function underWay(card: SpaceCard): boolean {
  return card.reembedding !== null && card.reembedding.finished_at === null;
}
