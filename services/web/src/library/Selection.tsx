import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type TaskName, type Track } from "../api/client";
import { errorText } from "../api/problem";
import { ANALYSIS, jobRequest } from "../state/requests";
import { Button } from "../ui/controls";
import { announce } from "../ui/live";
import { csvOf, forEach } from "./bulk";
import { forgetTrack } from "./uploads";

type Props = { tracks: readonly Track[]; selected: ReadonlySet<string>; onSelect: (ids: Iterable<string>) => void; onDone: () => void };

/** What can be done with the selected recordings at once. */
export function Selection({ tracks, selected, onSelect, onDone }: Props) {
  const queries = useQueryClient();
  const [state, setState] = useState("");
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState<"delete" | "label" | null>(null);
  const chosen = tracks.filter(({ id }) => selected.has(id));
  const none = busy || chosen.length === 0;
  const doWith = async (what: string, one: (track: Track) => Promise<unknown>) => {
    setAsking(null);
    setBusy(true);
    const problems = await forEach(chosen, one, (done) => setState(`${what}: ${done} of ${chosen.length}`));
    setBusy(false);
    const failed = problems.length ? `, ${problems.length} failed: ${errorText(problems[0])}` : "";
    setState(`${what}: ${chosen.length - problems.length} of ${chosen.length}${failed}`);
    announce(`${what}: ${chosen.length - problems.length} of ${chosen.length}${failed}`);
    await Promise.all([["tracks"], ["jobs"], ["map"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
  const submit = (what: string, tasks: readonly TaskName[]) => void doWith(what, ({ id }) => api.POST("/v1/jobs", { body: jobRequest(id, tasks) }));
  const label = (name: string) =>
    void doWith(`Labelled ${name}`, ({ id }) =>
      api.POST("/v1/tracks/{track_id}/labels", { params: { path: { track_id: id } }, body: { label: name, state: "confirmed" } }),
    );
  const remove = () =>
    void doWith("Deleted", async ({ id }) => {
      await api.DELETE("/v1/tracks/{track_id}", { params: { path: { track_id: id } } });
      forgetTrack(id);
    }).then(() => onSelect([]));
  return (
    <section className="selection" aria-label="Selected recordings" onKeyDown={(event) => event.key === "Escape" && (asking ? setAsking(null) : onDone())}>
      <span role="status">{state || `${chosen.length} selected`}</span>
      <Button disabled={busy} onClick={() => onSelect(chosen.length === tracks.length ? [] : tracks.map(({ id }) => id))}>
        {chosen.length === tracks.length ? "Select none" : `Select all ${tracks.length} shown`}
      </Button>
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
      ) : (
        <>
          <Button disabled={none} onClick={() => submit("Listened to again", ANALYSIS)}>
            Listen again
          </Button>
          <Button disabled={none} onClick={() => submit("Taken apart", ["separate"])}>
            Take apart
          </Button>
          <Button disabled={none} onClick={() => setAsking("label")}>
            Label …
          </Button>
          <Button disabled={none} onClick={() => download(csvOf(chosen))}>
            Export CSV
          </Button>
          <Button disabled={none} onClick={() => setAsking("delete")}>
            Delete …
          </Button>
        </>
      )}
      <Button onClick={onDone}>Done</Button>
    </section>
  );
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

function download(csv: string): void {
  const url = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "recordings.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
