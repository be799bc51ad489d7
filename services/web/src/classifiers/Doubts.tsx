import { useState } from "react";
import { Link } from "wouter";
import { useQueryClient } from "@tanstack/react-query";
import { errorText } from "../api/problem";
import { PlayButton, Unplayed } from "../sound/PlayButton";
import { usePreview, type Preview } from "../sound/preview";
import { Writes } from "../state/mayWrite";
import { Button, ErrorNote } from "../ui/controls";
import { labelText, percent, time } from "../ui/format";
import { announce } from "../ui/live";
import { changeLabels, type Said } from "./labelling";
import type { Doubt } from "./queries";

const SHOWN = 10;

/** Examples that contradict their neighbours: each plays, and is confirmed or given the other label by those who may write. */
export function Doubts({ doubts }: { doubts: readonly Doubt[] }) {
  const preview = usePreview();
  const [all, setAll] = useState(false);
  const shown = all ? doubts : doubts.slice(0, SHOWN);
  return (
    <section className="stack" aria-labelledby="doubts">
      <h2 id="doubts">Examples that may be labelled wrongly</h2>
      <p className="quiet">
        Other recordings contradict them. <Writes>Listen, then keep the label or change it, and teach it again.</Writes>
      </p>
      <ol className="doubts" aria-labelledby="doubts">
        {shown.map((doubt) => (
          <Row key={`${doubt.track_id} ${doubt.start_s} ${doubt.given}`} doubt={doubt} preview={preview} />
        ))}
      </ol>
      {shown.length < doubts.length ? (
        <div>
          <Button onClick={() => setAll(true)}>All {doubts.length}</Button>
        </div>
      ) : null}
    </section>
  );
}

/** What is said of an example when it keeps its label, or gets the other one. */
export function answerTo({ given, label }: Pick<Doubt, "given" | "label">, keep: boolean): Said[] {
  if (given === label) return [{ label: given, state: keep ? "confirmed" : "rejected" }];
  if (keep) return [{ label: given, state: "confirmed" }];
  return [
    { label: given, state: "rejected" },
    { label, state: "confirmed" },
  ];
}

function Row({ doubt, preview }: { doubt: Doubt; preview: Preview }) {
  const { track_id, filename, start_s, end_s, given, label, probability } = doubt;
  const queries = useQueryClient();
  const [said, setSaid] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const id = `${track_id} ${start_s}`;
  const say = async (keep: boolean) => {
    setBusy(true);
    try {
      await changeLabels(track_id, { startS: start_s, endS: end_s }, answerTo(doubt, keep));
      const words = keep ? `kept as ${labelText(given)}` : given === label ? `not ${labelText(given)} any more` : `changed to ${labelText(label)}`;
      setSaid(words);
      setFailed(null);
      announce(`${filename}: ${words}.`);
      await queries.invalidateQueries({ queryKey: ["tracks"] });
    } catch (error) {
      setFailed(error);
    }
    setBusy(false);
  };
  return (
    <li className="doubts__row">
      <PlayButton id={id} name={`${filename} at ${time(start_s)}`} sound={{ trackId: track_id, startS: start_s, endS: end_s }} preview={preview} />
      <span className="clip">
        <Link href={`/tracks/${track_id}`}>{filename}</Link>{" "}
        <span className="quiet small">
          {time(start_s)} – {time(end_s)}
        </span>
      </span>
      <span className="clip">
        {given === label ? `${labelText(given)} is doubtful` : `said to be ${labelText(given)}, sounds like ${labelText(label)}`}{" "}
        <span className="quiet small">{percent(probability)}</span>
      </span>
      {said ? (
        <span className="quiet">{said}</span>
      ) : (
        <Writes>
          <span className="row">
            <Button disabled={busy} onClick={() => void say(true)}>
              Keep {labelText(given)}
            </Button>
            <Button disabled={busy} onClick={() => void say(false)}>
              {given === label ? `Not ${labelText(given)}` : `It is ${labelText(label)}`}
            </Button>
          </span>
        </Writes>
      )}
      {failed ? <ErrorNote>{errorText(failed)}</ErrorNote> : null}
      <Unplayed id={id} preview={preview} />
    </li>
  );
}
