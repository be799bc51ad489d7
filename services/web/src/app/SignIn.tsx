import { useState } from "react";
import { Button } from "../ui/controls";
import { signIn, signInProblem } from "../api/session";

/** Asks for the key where no link brought it. */
export function SignIn() {
  const [key, setKey] = useState("");
  const problem = signInProblem();
  return (
    <main className="signin">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim()) signIn(key.trim());
        }}
      >
        <h1>Phonoscope</h1>
        <p className="quiet">
          <code>phonoscope up</code> prints a link that signs you in. Or paste an API key; it stays in this tab alone.
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
        <Button main type="submit" disabled={!key.trim()}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
