import { useState } from "react";
import type { Track } from "../api/client";
import { taskText } from "../api/taskText";
import { useMayWrite } from "../state/mayWrite";
import { useSubmit } from "../state/submit";
import { ErrorNote, Button } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { bytes, downloadName, shownFilename } from "../ui/format";
import { announce } from "../ui/live";
import { AllStems } from "./AllStems";
import { type Mix, mixdownOptions } from "./mix";
import { useMixdown } from "./queries";

const FORMATS = ["flac", "wav", "mp3", "opus"] as const;
type Format = (typeof FORMATS)[number];

/** Downloads all stems in a ZIP file and, for those who may have it made, the mix. */
export function Export({ track, mix }: { track: Track; mix: Mix }) {
  const mayWrite = useMayWrite();
  return (
    <div className="export">
      {mayWrite ? <Mixdown track={track} mix={mix} /> : null}
      <AllStems track={track} />
    </div>
  );
}

/** The mix, made by a worker in full quality. */
function Mixdown({ track, mix }: { track: Track; mix: Mix }) {
  const [format, setFormat] = useState<Format>("flac");
  const [made, setMade] = useState<{ mix: Mix; format: Format; jobId: string } | null>(null);
  const { submitAndWait, submitting, job, problem } = useSubmit(track.id);
  const mixdown = useMixdown(made?.jobId ?? null);
  const fresh = made?.mix === mix && made.format === format ? mixdown : null;
  const exported = async () => {
    const job = await submitAndWait({ tasks: ["mixdown"], options: { mixdown: { ...mixdownOptions(mix), format } } });
    setMade({ mix, format, jobId: job.id });
    announce("The mix is ready.");
  };
  return (
    <>
      {fresh ? (
        <a className="button button--main" href={fresh.audio.url} download={downloadName(shownFilename(track), `mix.${format}`)}>
          <Icon name="download" />
          Download the mix · {bytes(fresh.audio.size_bytes)}
        </a>
      ) : (
        <Button disabled={submitting} onClick={() => void exported().catch(() => undefined)}>
          {submitting ? (job?.tasks[0] ? `${taskText(job.tasks[0])} …` : "Mixing …") : "Export this mix"}
        </Button>
      )}
      <label className="labelled">
        as
        <select className="field" aria-label="Format of the mix" value={format} onChange={(event) => setFormat(event.currentTarget.value as Format)}>
          {FORMATS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {fresh && fresh.lowered_db > 0 ? (
        <span className="small quiet">lowered by {fresh.lowered_db.toFixed(1)} dB so that it does not clip</span>
      ) : null}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </>
  );
}
