import { useRef } from "react";
import { Button } from "../ui/controls";
import { time } from "../ui/format";
import { type Microphone, useMicrophone } from "./microphone";
import { addFiles } from "./uploads";

/** Adds recordings: dropped, chosen or recorded. */
export function UploadPanel() {
  const chooser = useRef<HTMLInputElement>(null);
  const microphone = useMicrophone((file) => addFiles([file]));
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
