import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { LibraryPage } from "../library/LibraryPage";
import { IconButton, Skeleton } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { HelpSheet } from "./HelpSheet";
import { microphone } from "../library/microphone";
import { UploadDock } from "../library/UploadDock";
import { addDropped } from "../library/uploads";
import { useWindowDrop } from "../ui/drop";
import { useKeys } from "../ui/keys";
import { useOnline } from "../ui/online";
import { useScrollPositions } from "../ui/scrollPositions";
import { SignIn } from "./SignIn";
import { UsageSheet } from "./UsageSheet";
import { isSharedPage } from "../api/credential";
import { ROOT_PATH } from "../api/root";
import { ownerMark, signOut, useIsAsking, useKey } from "../api/session";
import { onlyReadText, useIsAskingAccess, useMayOnlyRead, useMayWrite, Writes } from "../state/mayWrite";
import { Boundary } from "../ui/Boundary";
import { toggleTheme, useTheme } from "../ui/theme";

const TrackPage = lazy(() => import("../track/TrackPage"));
const ComparePage = lazy(() => import("../compare/ComparePage"));
const JobsPage = lazy(() => import("../jobs/JobsPage"));
const SearchPage = lazy(() => import("../search/SearchPage"));
const ModelsPage = lazy(() => import("../models/ModelsPage"));
const ClassifiersPage = lazy(() => import("../classifiers/ClassifiersPage"));
const ClassifierPage = lazy(() => import("../classifiers/ClassifierPage"));
const ReviewPage = lazy(() => import("../classifiers/review/ReviewPage"));
const WebhooksPage = lazy(() => import("../webhooks/WebhooksPage"));

const PAGES = [
  ["/", "Library"],
  ["/search", "Search"],
  ["/classifiers", "Classifiers"],
  ["/jobs", "Jobs"],
  ["/models", "Models"],
  ["/webhooks", "Webhooks"],
] as const;

const SharedPage = lazy(() => import("../shared/SharedPage"));

export function App() {
  return isSharedPage() ? <OthersPage /> : <OwnPages />;
}

function OthersPage() {
  return (
    <AddingNothing>
      <Boundary>
        <Suspense fallback={<Loading />}>
          <SharedPage />
        </Suspense>
      </Boundary>
    </AddingNothing>
  );
}

function OwnPages() {
  const key = useKey();
  const asking = useIsAsking();
  // What is only for some must neither flash nor push what is for all.
  const askingAccess = useIsAskingAccess();
  if (key && !askingAccess) return <Shell key={ownerMark(key)} />;
  return <AddingNothing>{key || asking ? <Loading /> : <SignIn />}</AddingNothing>;
}

/** What is shown to those who can add nothing: a file that is dropped there is not opened in its place. */
function AddingNothing({ children }: { children: ReactNode }) {
  useWindowDrop(() => undefined);
  return children;
}

function Shell() {
  const mayWrite = useMayWrite();
  const mayOnlyRead = useMayOnlyRead();
  const over = useWindowDrop((dropped) => (mayWrite ? addDropped(dropped) : undefined));
  const [help, setHelp] = useState(false);
  const [usage, setUsage] = useState(false);
  const queries = useQueryClient();
  const online = useOnline();
  const [location] = useLocation();
  useScrollPositions();
  // Answers to one key, and what was recorded, must not be there after a sign-in with another.
  useEffect(
    () => () => {
      queries.clear();
      microphone.discard();
    },
    [queries],
  );
  useKeys((event) => {
    if (event.key !== "?") return false;
    setHelp(true);
    return true;
  });
  return (
    <div className="shell">
      <a className="button skip" href="#main">
        Skip to the content
      </a>
      <Top onHelp={() => setHelp(true)} onUsage={() => setUsage(true)} />
      <Boundary key={location}>
        <Suspense fallback={<Loading />}>
          <Switch>
            <Route path="/" component={LibraryPage} />
            <Route path="/tracks/:id">{({ id }) => <TrackPage key={id} id={id} />}</Route>
            <Route path="/compare" component={ComparePage} />
            <Route path="/search" component={SearchPage} />
            <Route path="/classifiers" component={ClassifiersPage} />
            <Route path="/classifiers/:name">{({ name }) => <ClassifierPage key={name} name={name} />}</Route>
            <Route path="/classifiers/:name/review">{({ name }) => <ReviewPage key={name} name={name} />}</Route>
            <Route path="/jobs" component={JobsPage} />
            <Route path="/models" component={ModelsPage} />
            <Route path="/webhooks" component={WebhooksPage} />
            <Route>
              <main id="main" className="page empty">
                <h1>There is no such page</h1>
                <Link href="/">Go to the library</Link>
              </main>
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
      <Writes>
        <UploadDock />
      </Writes>
      {online ? null : (
        <p className="offline" role="status">
          No network. What is shown may be old; it goes on by itself when the network is back.
        </p>
      )}
      {over && (mayWrite || mayOnlyRead) ? (
        <p className="dropping" role="status">
          {mayWrite ? "Drop to add to the library" : onlyReadText("add recordings")}
        </p>
      ) : null}
      {help ? <HelpSheet onClose={() => setHelp(false)} /> : null}
      {usage ? <UsageSheet onClose={() => setUsage(false)} /> : null}
    </div>
  );
}

function Top({ onHelp, onUsage }: { onHelp: () => void; onUsage: () => void }) {
  const [location] = useLocation();
  const theme = useTheme();
  const here = (path: string) => (path === "/" ? location === "/" : location.startsWith(path));
  return (
    <header className="top">
      <Link href="/" className="brand">
        <Icon name="brand" size={22} />
        phonoscope
      </Link>
      <nav className="nav" aria-label="Pages">
        {PAGES.map(([path, name]) => (
          <Link key={path} href={path} aria-current={here(path) ? "page" : undefined}>
            {name}
          </Link>
        ))}
        <a href={`${ROOT_PATH}/docs`}>API</a>
      </nav>
      <div className="row">
        <IconButton icon="usage" label="Usage and sign-in" onClick={onUsage} />
        <IconButton icon="help" label="Keyboard shortcuts" onClick={onHelp} />
        <IconButton icon="theme" label={theme === "dark" ? "Light theme" : "Dark theme"} onClick={toggleTheme} />
        <IconButton icon="out" label="Sign out" onClick={() => signOut()} />
      </div>
    </header>
  );
}

function Loading() {
  return (
    <main id="main" className="page stack" aria-busy="true">
      <Skeleton height={24} width={240} />
      <Skeleton height={320} />
    </main>
  );
}
