import { useRef } from "react";
import { UsedForUploads } from "../models/UploadModel";
import { Button } from "../ui/controls";
import { RecordButton, Recorder } from "./Recorder";
import { addFiles } from "./uploads";

/** Adds recordings: dropped, chosen or recorded. */
export function UploadPanel() {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <section className="upload" aria-label="Add recordings">
      <div className="upload__drop">
        <span className="quiet">Drop recordings anywhere, or</span>
        <Button icon="upload" main onClick={() => chooser.current?.click()}>
          Choose files
        </Button>
        <RecordButton />
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
      <UsedForUploads />
      <Recorder />
    </section>
  );
}
