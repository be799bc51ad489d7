import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { taskText } from "../api/taskText";
import { Button, IconButton, ProgressBar } from "../ui/controls";
import { time } from "../ui/format";
import { type Microphone, useMicrophone } from "./microphone";
import { addFiles, dismissUpload, onTracksChanged, retryUpload, type Upload, useUploads } from "./uploads";

/** Adds recordings: dropped, chosen or recorded. Lists the uploads with their progress. */
export function UploadPanel() {
  const chooser = useRef<HTMLInputElement>(null);
  const microphone = useMicrophone((file) => addFiles([file]));
  const uploads = useUploads();
  const queries = useQueryClient();
  useEffect(() => {
    onTracksChanged(() => {
      for (const queryKey of [["tracks"], ["jobs"], ["map"]]) void queries.invalidateQueries({ queryKey });
    });
  }, [queries]);
  return (
    <section className="upload" aria-label="Add recordings">
      <div className="upload__drop">
        <span className="quiet">Drop recordings anywhere, or</span>
        <Button icon="upload" main onClick={() => chooser.current?.click()}>
          Choose files
        </Button>
        <RecordButton microphone={microphone} />
        <input
          ref={chooser}
          className="unseen"
          type="file"
          accept="audio/*,video/*,.opus,.flac,.ogg,.mka"
          multiple
          tabIndex={-1}
          aria-label="Recordings to upload"
          onChange={(event) => {
            addFiles(event.currentTarget.files ?? []);
            event.currentTarget.value = "";
          }}
        />
      </div>
      {microphone.problem ? (
        <p className="note note--bad" role="alert">
          {microphone.problem}
        </p>
      ) : null}
      {uploads.length ? (
        <ul className="upload__list" aria-label="Uploads">
          {uploads.map((upload) => (
            <UploadRow key={upload.id} upload={upload} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

function RecordButton({ microphone }: { microphone: Microphone }) {
  if (!microphone.recording) {
    return (
      <Button icon="microphone" onClick={() => void microphone.start()}>
        Record
      </Button>
    );
  }
  return (
    <Button icon="stop" aria-pressed onClick={microphone.stop}>
      Stop · {time(microphone.seconds, 0)}
    </Button>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const { id, file, phase, track, problem } = upload;
  return (
    <li className="upload__row">
      {track ? (
        <Link href={`/tracks/${track.id}`} className="clip">
          {file.name}
        </Link>
      ) : (
        <span className="clip">{file.name}</span>
      )}
      <span className={`small ${phase === "failed" ? "upload__bad" : "quiet"}`}>{problem ?? phaseText(upload)}</span>
      <span className="row">
        {phase === "failed" ? <IconButton icon="retry" label={`Try ${file.name} again`} onClick={() => retryUpload(id)} /> : null}
        <IconButton icon="close" label={`Remove ${file.name} from this list`} onClick={() => dismissUpload(id)} />
      </span>
      {phase === "sending" || phase === "working" ? <ProgressBar share={shareOf(upload)} label={file.name} /> : null}
    </li>
  );
}

function phaseText({ phase, sent, job }: Upload): string {
  if (phase === "waiting") return "waiting to be sent";
  if (phase === "sending") return `sending ${Math.round(sent * 100)} %`;
  if (phase === "done") return "done";
  const task = job?.tasks.find(({ status }) => status === "running") ?? job?.tasks.find(({ status }) => status === "queued");
  return task ? taskText(task) : "starting";
}

/** The share that is done, 0 to 1. Sending counts as one half. */
function shareOf({ phase, sent, job }: Upload): number {
  if (phase === "sending") return sent / 2;
  const tasks = job?.tasks ?? [];
  const done = tasks.map((task) => (task.status === "succeeded" ? 1 : task.progress));
  return 0.5 + 0.5 * (done.reduce((sum, share) => sum + share, 0) / Math.max(1, tasks.length));
}
