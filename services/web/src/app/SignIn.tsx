import { useState } from "react";
import { Button } from "../ui/controls";
import { ROOT_PATH } from "../api/root";
import { keepKey, signIn, useSignInProblem, useSignInWay, useSignOutUrl } from "../api/session";

const LONGEST = 1000;

/** Asks for the API key, and whether to keep it, or leads to the identity provider. A link from `phonoscope up` signs in without it. */
export function SignIn() {
  const [key, setKey] = useState("");
  const [kept, setKept] = useState(false);
  const problem = useSignInProblem();
  const way = useSignInWay();
  const away = useSignOutUrl();
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
        {away ? (
          <p className="note" role="status">
            You are signed out here. <a href={away}>Sign out of {way?.name ?? "the identity provider"} too</a>
          </p>
        ) : null}
        {way ? (
          <a className="button button--main" href={`${way.url}?return_to=${encodeURIComponent(here())}`}>
            Sign in with {way.name}
          </a>
        ) : null}
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
        <Button main={!way} type="submit" disabled={!key.trim()}>
          Sign in
        </Button>
      </form>
    </main>
  );
}

/** The address of the page that is open, below the prefix, to come back to. */
function here(): string {
  const path = location.pathname.slice(ROOT_PATH.length) + location.search;
  return path.startsWith("/") && path.length <= LONGEST ? path : "/";
}
