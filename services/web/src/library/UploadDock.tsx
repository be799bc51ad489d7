import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { whenOnline } from "../api/network";
import { taskText } from "../api/taskText";
import { Button, IconButton, ProgressBar } from "../ui/controls";
import { titleOf } from "../ui/tags";
import { readAdded } from "./again";
import { clearFinished, dismissUpload, forgetUploads, onTracksChanged, resumeUploads, retryCutOff, retryUpload, type Upload, useUploads } from "./uploads";

/** The uploads with their progress, over the lower corner of every page; folded on a recording's page until it is opened. */
export function UploadDock() {
  const queries = useQueryClient();
  const uploads = useUploads();
  const [location] = useLocation();
  const [open, setOpen] = useState<boolean | null>(null);
  const shown = open ?? !location.startsWith("/tracks/");
  useEffect(() => {
    onTracksChanged(() => {
      void readAdded(queries);
      void queries.invalidateQueries({ queryKey: ["jobs"] });
    });
    resumeUploads();
    const stop = whenOnline(retryCutOff);
    return () => {
      stop();
      forgetUploads();
    };
  }, [queries]);
  if (uploads.length === 0) return null;
  const going = uploads.filter(isGoing).length;
  return (
    <aside className="dock" aria-label="Uploads">
      <div className="row spread dock__head">
        <span role="status">{summary(uploads)}</span>
        <span className="row">
          {going < uploads.length ? <Button onClick={clearFinished}>Clear</Button> : null}
          <Button aria-expanded={shown} onClick={() => setOpen(!shown)}>
            {shown ? "Fold" : "Show"}
          </Button>
        </span>
      </div>
      {shown ? (
        <ul className="dock__list">
          {uploads.map((upload) => (
            <UploadRow key={upload.id} upload={upload} />
          ))}
        </ul>
      ) : null}
    </aside>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const { id, name, phase, track, problem } = upload;
  return (
    <li className={`upload__row ${phase === "failed" ? "upload__row--failed" : ""}`}>
      {track ? (
        <Link href={`/tracks/${track.id}`} className="clip">
          {name}
        </Link>
      ) : (
        <span className="clip">{name}</span>
      )}
      <span className={`small ${phase === "failed" ? "upload__bad" : "quiet"}`}>
        {problem ?? <Phase upload={upload} />}
        {upload.already && track ? <Already name={titleOf(track)} own={name} /> : null}
      </span>
      <span className="row">
        {phase === "failed" && (upload.file ?? track ?? upload.example) ? <IconButton icon="retry" label={`Try ${name} again`} onClick={() => retryUpload(id)} /> : null}
        <IconButton icon="close" label={`Remove ${name} from this list`} onClick={() => dismissUpload(id)} />
      </span>
      {phase === "sending" || phase === "working" ? <ProgressBar share={shareOf(upload)} label={name} /> : null}
    </li>
  );
}

/** Says that the library had the same recording before. */
function Already({ name, own }: { name: string; own: string }) {
  return <span className="upload__already">{name === own ? "already here" : `already here as ${name}`}</span>;
}

function Phase({ upload: { phase, sent, job, heard } }: { upload: Upload }) {
  if (phase === "waiting") return "waiting to be sent";
  if (phase === "sending") return `sending ${Math.round(sent * 100)} %`;
  if (phase === "done") {
    return (
      <>
        <span className="unseen">done: </span>
        {heard ?? "added"}
      </>
    );
  }
  const task = job?.tasks.find(({ status }) => status === "running") ?? job?.tasks.find(({ status }) => status === "queued");
  return task ? taskText(task) : "starting";
}

function isGoing({ phase }: Upload): boolean {
  return phase !== "done" && phase !== "failed";
}

function summary(uploads: readonly Upload[]): string {
  const failed = uploads.filter(({ phase }) => phase === "failed").length;
  const going = uploads.filter(isGoing).length;
  const state = going ? `Adding ${counted(going)} …` : `${counted(uploads.length - failed)} added`;
  return failed ? `${state}, ${failed} failed` : state;
}

function counted(count: number): string {
  return count === 1 ? "1 recording" : `${count} recordings`;
}

/** The share that is done, 0 to 1. Sending counts as one half. */
function shareOf({ phase, sent, job }: Upload): number {
  if (phase === "sending") return sent / 2;
  const tasks = job?.tasks ?? [];
  const done = tasks.map((task) => (task.status === "succeeded" ? 1 : task.progress));
  return 0.5 + 0.5 * (done.reduce((sum, share) => sum + share, 0) / Math.max(1, tasks.length));
}
