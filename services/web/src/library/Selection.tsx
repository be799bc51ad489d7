import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { api, dataOf, type JobOptions, type TaskName, type Track } from "../api/client";
import { keepAs } from "../api/download";
import { errorText } from "../api/problem";
import { Writes } from "../state/mayWrite";
import { addressOf } from "../state/pair";
import { ANALYSIS, jobRequest } from "../state/requests";
import { Button } from "../ui/controls";
import { useFocusBack } from "../ui/focus";
import { announce } from "../ui/live";
import { csvOf, forEach } from "./bulk";
import { CollectForm } from "./CollectForm";
import { putIn, takeOut } from "./collections";
import { forgetTrack } from "./uploads";
import type { Item } from "./useSelection";

type Props = {
  /** What is selected. */
  items: readonly Item[];
  /** The collection that is shown. */
  collection: string | null;
  /** The model that listens to them; null for the service's choice. */
  model: string | null;
  onDone: () => void;
  /** Called with the ids that were deleted. */
  onDeleted: (gone: ReadonlySet<string>) => void;
  /** Further choices of what is selected. */
  children?: ReactNode;
};

/** What can be done with the selected recordings at once. */
export function Selection({ items: chosen, collection, model, onDone, onDeleted, children }: Props) {
  const queries = useQueryClient();
  const [state, setState] = useState("");
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState<"delete" | "label" | "collect" | null>(null);
  const bar = useRef<HTMLElement>(null);
  useFocusBack(bar, asking);
  const ids = chosen.map(({ id }) => id).join();
  const failed = useRef<readonly Item[]>([]);
  // What was done is said until others are selected than those that it failed for.
  // biome-ignore lint/correctness/useExhaustiveDependencies: read anew, the same ones are still selected
  useEffect(() => {
    if (chosen.some((item) => !failed.current.some(({ id }) => id === item.id))) setState("");
  }, [ids]);
  const none = busy || chosen.length === 0;
  const [a, b] = chosen;
  const doWith = async (what: string, one: (item: Item) => Promise<unknown>) => {
    setAsking(null);
    setBusy(true);
    const failures = await forEach(chosen, one, (done) => setState(`${what}: ${done} of ${chosen.length}`));
    const why = failures[0] ? `, ${failures.length} failed: ${errorText(failures[0].error)}` : "";
    await ended(`${what}: ${chosen.length - failures.length} of ${chosen.length}${why}`, failures.map(({ item }) => item));
  };
  const ended = async (words: string, left: readonly Item[] = []) => {
    failed.current = left;
    setBusy(false);
    setState(words);
    announce(words);
    // Jobs first: of one that has ended by then the tracks are read afterwards.
    await queries.invalidateQueries({ queryKey: ["jobs"] });
    await Promise.all([["tracks"], ["map"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
  const atOnce = async (what: string, act: (ids: string[]) => Promise<void>) => {
    setAsking(null);
    setBusy(true);
    const problem = await act(chosen.map(({ id }) => id)).then(() => null, errorText);
    await ended(problem ?? `${what}: ${chosen.length}`);
  };
  const submit = (what: string, tasks: readonly TaskName[], options: JobOptions = {}) =>
    void doWith(what, ({ id }) => api.POST("/v1/jobs", { body: jobRequest(id, tasks, options) }));
  const label = (name: string) =>
    void doWith(`Labelled ${name}`, ({ id }) =>
      api.POST("/v1/tracks/{track_id}/labels", { params: { path: { track_id: id } }, body: { label: name, state: "confirmed" } }),
    );
  const remove = () => {
    const gone = new Set<string>();
    void doWith("Deleted", async ({ id }) => {
      await api.DELETE("/v1/tracks/{track_id}", { params: { path: { track_id: id } } });
      forgetTrack(id);
      gone.add(id);
    }).then(() => onDeleted(gone));
  };
  const save = async () => {
    const found = new Map<string, Track>();
    await doWith("Exported", async (item) => found.set(item.id, "labels" in item ? item : await trackOf(item.id)));
    const csv = csvOf(chosen.flatMap(({ id }) => found.get(id) ?? []));
    keepAs(new Blob([csv], { type: "text/csv" }), "recordings.csv");
  };
  return (
    <section ref={bar} className="selection" aria-label="Selected recordings" onKeyDown={(event) => event.key === "Escape" && (asking ? setAsking(null) : onDone())}>
      <span role="status">{state || `${chosen.length} selected`}</span>
      {children}
      {asking === "delete" ? (
        <span className="row" role="alertdialog" aria-label={`Delete ${chosen.length} recordings?`}>
          Delete {chosen.length} and their results?
          <Button onClick={remove}>Delete</Button>
          <Button autoFocus onClick={() => setAsking(null)}>
            Keep
          </Button>
        </span>
      ) : asking === "label" ? (
        <LabelForm onLabel={label} />
      ) : asking === "collect" ? (
        <CollectForm onCollect={(id, name) => void atOnce(`Put in ${name}`, (ids) => putIn(id, ids))} onCancel={() => setAsking(null)} />
      ) : (
        <>
          <Writes>
            <Button disabled={none} onClick={() => submit("Listened to again", ANALYSIS, model ? { classify: { model } } : {})}>
              {model ? `Listen with ${model}` : "Listen again"}
            </Button>
            <Button disabled={none} onClick={() => submit("Taken apart", ["separate"])}>
              Take apart
            </Button>
            <Button data-opens="label" disabled={none} onClick={() => setAsking("label")}>
              Label …
            </Button>
            <Button data-opens="collect" disabled={none} onClick={() => setAsking("collect")}>
              Collect …
            </Button>
            {collection ? (
              <Button disabled={none} onClick={() => void atOnce("Taken out of the collection", (ids) => takeOut(collection, ids))}>
                Take out
              </Button>
            ) : null}
          </Writes>
          {a && b && chosen.length === 2 ? (
            <Link className="button" href={addressOf([{ trackId: a.id, model: null }, { trackId: b.id, model: null }])}>
              Compare
            </Link>
          ) : null}
          <Button disabled={none} onClick={() => void save()}>
            Export CSV
          </Button>
          <Writes>
            <Button data-opens="delete" disabled={none} onClick={() => setAsking("delete")}>
              Delete …
            </Button>
          </Writes>
        </>
      )}
      <Button onClick={onDone}>Done</Button>
    </section>
  );
}

async function trackOf(id: string): Promise<Track> {
  return dataOf(await api.GET("/v1/tracks/{track_id}", { params: { path: { track_id: id } } }));
}

function LabelForm({ onLabel }: { onLabel: (label: string) => void }) {
  const [name, setName] = useState("");
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) onLabel(name.trim());
      }}
    >
      {/* biome-ignore lint/a11y/noAutofocus: it was asked for by the button before it */}
      <input className="field" aria-label="Label of the selected recordings" autoFocus maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <Button type="submit" disabled={!name.trim()}>
        Confirm
      </Button>
    </form>
  );
}
