import { useState } from "react";
import { Button } from "../ui/controls";
import { keepKey, signIn, signInProblem } from "../api/session";

/** Asks for the API key, and whether to keep it. A link from `phonoscope up` signs in without it. */
export function SignIn() {
  const [key, setKey] = useState("");
  const [kept, setKept] = useState(false);
  const problem = signInProblem();
  return (
    <main className="signin">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!key.trim()) return;
          signIn(key.trim());
          keepKey(kept);
        }}
      >
        <h1>Phonoscope</h1>
        <p className="quiet">
          <code>phonoscope up</code> prints a link that signs you in. Or paste an API key; the page forgets it when its last tab is closed.
        </p>
        {problem ? (
          <p className="note note--bad" role="alert">
            {problem}
          </p>
        ) : null}
        <label className="stack">
          <span>API key</span>
          <input
            className="field mono"
            type="password"
            name="key"
            autoComplete="off"
            spellCheck={false}
            placeholder="psk_…"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <label className="row">
          <input type="checkbox" checked={kept} onChange={(event) => setKept(event.currentTarget.checked)} />
          Stay signed in on this machine
        </label>
        <Button main type="submit" disabled={!key.trim()}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
