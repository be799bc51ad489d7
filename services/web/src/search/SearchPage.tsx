import { useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { useCollections } from "../library/collections";
import { useSearchField } from "../library/libraryView";
import { useTrack } from "../state/queries";
import { Button, Choice, IconButton, Select } from "../ui/controls";
import { useDrop } from "../ui/drop";
import { time } from "../ui/format";
import { titleOf } from "../ui/tags";
import { useTitle } from "../ui/title";
import { takeHeldUp } from "../state/heldSound";
import { useMayWrite, Writes } from "../state/mayWrite";
import { collectionFrom, type Query, queryFrom, type Unit, unitFrom } from "./query";
import { Results } from "./Results";
import "./search.css";

const UNITS = [
  { value: "track", text: "recordings" },
  { value: "moment", text: "moments" },
] as const;
const EXAMPLES = ["a dog barking", "glass breaking", "rain without thunder", "an acoustic guitar"];

/** One field for words, and a place to hold up a sound; what is found plays in place. */
export default function SearchPage() {
  const [address, setAddress] = useSearchParams();
  const [file, setFile] = useState<File | null>(takeHeldUp);
  const asked = queryFrom(address);
  const query: Query | null = file ? { by: "file", file } : asked;
  const unit = unitFrom(address);
  const collection = collectionFrom(address);
  const collections = useCollections().data ?? [];
  const change = (part: Record<string, string>) => {
    setFile(null);
    setAddress({ ...part, ...(unit === "moment" && { unit }), ...(collection && { collection }) });
  };
  const [words, setWords] = useSearchField(asked?.by === "words" ? asked.words : "", (typed) => change(typed ? { q: typed } : {}));
  const set = (name: string, value: string) =>
    setAddress((now) => {
      const next = new URLSearchParams(now);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    });
  useTitle("Search");
  return (
    <main id="main" className="page page--narrow search">
      <h1 className="unseen">Search</h1>
      <DropBox onFile={setFile}>
        <input
          className="field search__words"
          type="search"
          // biome-ignore lint/a11y/noAutofocus: one comes to this page to type
          autoFocus
          placeholder="What is to be heard, or a name"
          aria-label="Search by words"
          maxLength={500}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
        <Choice
          label="Find"
          value={unit}
          options={UNITS}
          onChange={(chosen: Unit) => set("unit", chosen === "moment" ? chosen : "")}
        />
      </DropBox>
      {collections.length ? (
        <Select
          label="in"
          name="Collection to search in"
          value={collection ?? ""}
          options={["", ...collections.map(({ id }) => id), ...(collection && !collections.some(({ id }) => id === collection) ? [collection] : [])]}
          text={(id) => (id ? (collections.find((each) => each.id === id)?.name ?? "a deleted one") : "all recordings")}
          onChange={(id) => set("collection", id)}
        />
      ) : null}
      {query && query.by !== "words" ? <Held query={query} onRemove={() => change({})} /> : null}
      {query ? <Results query={query} within={{ unit, collection }} /> : <Suggestions onChoose={(q) => change({ q })} />}
    </main>
  );
}

/** The search form, on which a recording can be dropped by those who may write: the service analyses it. */
function DropBox({ onFile, children }: { onFile: (file: File) => void; children: React.ReactNode }) {
  const chooser = useRef<HTMLInputElement>(null);
  const take = (files: FileList | null) => {
    const [file] = files ?? [];
    if (file) onFile(file);
  };
  const { over, target } = useDrop(take);
  const mayWrite = useMayWrite();
  return (
    <section
      className={`search__box ${over ? "search__box--over" : ""}`}
      aria-label="Search"
      {...(mayWrite && target)}
    >
      {children}
      <Writes>
        <Button icon="upload" onClick={() => chooser.current?.click()}>
          Search by a sound
        </Button>
        <input
          ref={chooser}
          className="unseen"
          type="file"
          accept="audio/*,video/*,.opus,.flac,.ogg,.mka"
          tabIndex={-1}
          aria-label="A recording to search by"
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
      </Writes>
    </section>
  );
}

/** The sound that is searched by, with a button that removes it. */
function Held({ query, onRemove }: { query: Exclude<Query, { by: "words" }>; onRemove: () => void }) {
  return (
    <p className="search__held">
      <span className="quiet">What sounds like</span>
      {query.by === "file" ? <span className="clip">{query.file.name}</span> : <StretchName query={query} />}
      <IconButton icon="close" label="Search by something else" onClick={onRemove} />
    </p>
  );
}

function StretchName({ query: { trackId, startS, endS } }: { query: Extract<Query, { by: "track" }> }) {
  const { data: track } = useTrack(trackId);
  const name = track ? titleOf(track) : "a recording";
  if (startS === null && endS === null) return <span className="clip">{name}</span>;
  const end = endS ?? track?.duration_s;
  return (
    <span className="clip">
      {name}, {time(startS ?? 0)} – {end === undefined ? "its end" : time(end)}
    </span>
  );
}

function Suggestions({ onChoose }: { onChoose: (words: string) => void }) {
  return (
    <div className="empty">
      <p>
        Write what is to be heard, <Writes>drop a recording above, </Writes>or choose “Find moments like this” on a recording's page.
      </p>
      <p className="row wrap search__examples">
        {EXAMPLES.map((words) => (
          <Button key={words} onClick={() => onChoose(words)}>
            {words}
          </Button>
        ))}
      </p>
    </div>
  );
}
