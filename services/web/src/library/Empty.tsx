import { useState } from "react";
import { errorText } from "../api/problem";
import { onlyReadText, Writes } from "../state/mayWrite";
import { Button, ErrorNote } from "../ui/controls";
import { addExamples } from "./uploads";

/** An empty library: how to fill it, for those who may write. */
export function Empty() {
  return (
    <div className="empty">
      <Writes otherwise={<p>Your library is empty. {onlyReadText("add recordings")}</p>}>
        <Examples />
      </Writes>
    </div>
  );
}

/** Recordings to try the service with. */
function Examples() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const tryExamples = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await addExamples();
    } catch (error) {
      setProblem(errorText(error));
    }
    setBusy(false);
  };
  return (
    <>
      <p>Your library is empty. Drop a recording anywhere, record one, or</p>
      <Button main data-opens="recordings" disabled={busy} onClick={() => void tryExamples()}>
        {busy ? "Making the examples …" : "Try an example"}
      </Button>
      <p className="small">A dog, rain on a roof and a short song, synthesised by this service.</p>
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </>
  );
}
