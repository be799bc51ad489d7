import { Link } from "wouter";
import type { SearchAnswer, SearchItem, Track } from "../api/client";
import { errorText, sentence } from "../api/problem";
import { MarkButtons } from "../classifiers/marks/MarkButtons";
import { MarkTray } from "../classifiers/marks/MarkTray";
import { Button, ErrorNote, Skeleton } from "../ui/controls";
import { queryOf, viewFrom } from "../library/libraryView";
import { labelOrWhy } from "../state/labelOrWhy";
import { Writes } from "../state/mayWrite";
import { labelText, percent, time } from "../ui/format";
import { titleOf } from "../ui/tags";
import { PlayButton, Unplayed } from "../sound/PlayButton";
import { type Preview, usePreview } from "../sound/preview";
import { useFound, useNamed, type Within } from "./queries";
import type { Query, Unit } from "./query";
import { eachOnce, leftOut } from "./why";

/** What was found by name and by sound, how the search was understood, and how much of the library it covers. */
export function Results({ query, within }: { query: Query; within: Within }) {
  const { unit } = within;
  const found = useFound(query, within);
  const named = useNamed(query, within.collection).data;
  const preview = usePreview();
  const pages = found.data?.pages ?? [];
  const [first] = pages;
  const items = pages.flatMap((page) => page.items);
  return (
    <>
      {named?.items.length ? <Named tracks={named.items} more={named.more ? libraryOf(query, within) : null} preview={preview} /> : null}
      <section className="stack" aria-label="Found by sound" aria-busy={found.isFetching}>
        {first ? <Understood answer={first} unit={unit} /> : null}
        {found.isPending ? <Waiting query={query} /> : null}
        {found.isError ? (
          <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
        ) : null}
        <ol className="found" aria-label={unit === "moment" ? "Moments" : "Recordings"}>
          {items.map((item) => (
            <Item key={`${item.track.id} ${item.moment?.start_s ?? ""}`} item={item} unit={unit} preview={preview} />
          ))}
        </ol>
        {first && items.length === 0 ? <p className="quiet">Nothing was found.</p> : null}
        {found.hasNextPage ? (
          <div>
            <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              {found.isFetchingNextPage ? "Searching …" : "More"}
            </Button>
          </div>
        ) : null}
      </section>
      <MarkTray suggested={query.by === "words" ? query.words : ""} />
    </>
  );
}

function Waiting({ query }: { query: Query }) {
  return (
    <div className="stack" role="status">
      {query.by === "file" ? <p className="quiet">Listening to {query.file.name} …</p> : null}
      <Skeleton height={160} />
    </div>
  );
}

/** The address of the library with all that words find by name. */
function libraryOf(query: Query, { collection }: Within): string {
  const found = { ...viewFrom(new URLSearchParams()), search: query.by === "words" ? query.words : "", collection };
  return `/?${queryOf(found)}`;
}

type NamedProps = { tracks: readonly Track[]; /** Where all are, if there are more. */ more: string | null; preview: Preview };

function Named({ tracks, more, preview }: NamedProps) {
  return (
    <section className="stack" aria-label="Found by name">
      <h2 className="search__title">By name</h2>
      <ul className="found">
        {tracks.map((track) => (
          <li key={track.id} className="found__row">
            <PlayButton id={`named ${track.id}`} name={titleOf(track)} sound={{ trackId: track.id, link: track.audio }} preview={preview} />
            <Link href={`/tracks/${track.id}`} className="clip">
              {titleOf(track)}
            </Link>
            <span className="quiet found__when">{time(track.duration_s, 0)}</span>
            <span className={`clip found__why ${track.label ? "found__label" : "quiet"}`}>{labelOrWhy(track)}</span>
            <MarkButtons what={{ trackId: track.id, name: titleOf(track) }} />
            <Unplayed id={`named ${track.id}`} preview={preview} />
          </li>
        ))}
      </ul>
      {more ? <Link href={more}>More by name, in the library</Link> : null}
    </section>
  );
}

/** In words, what was searched for, and what could not be. */
function Understood({ answer, unit }: { answer: SearchAnswer; unit: Unit }) {
  const { query } = answer;
  const { labels = [], together = [], missing = [], near = [], notes = [] } = query;
  const wanted = labels.filter(({ weight }) => weight > 0);
  const unwanted = labels.filter(({ weight }) => weight < 0);
  const left = leftOut(answer, unit);
  return (
    <div className="search__understood">
      {query.by === "text" ? <h2 className="search__title">By sound</h2> : null}
      {wanted.length ? (
        <p className="quiet small" title={query.way === "spelling" ? "The model of meanings is not there: labels were found by spelling." : undefined}>
          {query.way === "spelling" ? "Labels spelt like it: " : "Understood as: "}
          {named(wanted)}
          {unwanted.length ? `; without ${named(unwanted)}` : ""}
        </p>
      ) : null}
      {together.length ? (
        <p className="quiet small">First what has all at once: {together.map((words) => `“${words}”`).join(" and ")}.</p>
      ) : null}
      {query.way === "clap" ? <p className="quiet small">The words were compared with sounds as they are, without labels.</p> : null}
      {missing.length ? (
        <p className="note">
          Nothing that can be heard is near {missing.map((word) => `“${word}”`).join(", ")}.
          {near.length ? ` Nearest: ${near.map(({ label }) => labelText(label)).join(", ")}.` : ""}
        </p>
      ) : null}
      {notes.map((note) => (
        <p key={note} className="note">
          <Note text={note} />
        </p>
      ))}
      {left ? (
        <p className="note">
          {left.text} <Writes>{left.cure === "embed" ? <Link href="/models">Embed what is missing</Link> : "Analyse again what is missing."}</Writes>
        </p>
      ) : null}
    </div>
  );
}

function named(labels: readonly { label: string }[]): string {
  return [...new Set(labels.map(({ label }) => labelText(label).toLowerCase()))].join(", ");
}

function Item({ item, unit, preview }: { item: SearchItem; unit: Unit; preview: Preview }) {
  const { track, moment, copies = [] } = item;
  const name = titleOf(track);
  const sound = { trackId: track.id, link: track.audio, ...(moment && { startS: moment.start_s, endS: moment.end_s }) };
  const id = `${track.id} ${moment?.start_s ?? ""}`;
  return (
    <li className="found__row">
      <PlayButton id={id} name={moment ? `${name} at ${time(moment.start_s)}` : name} sound={sound} preview={preview} />
      <span className="clip">
        <Link href={`/tracks/${track.id}`}>{name}</Link>
        {item.is_copy ? <span className="quiet"> the same recording</span> : null}
        {copies.length ? <span className="quiet"> and {copies.length === 1 ? "a copy" : `${copies.length} copies`}</span> : null}
      </span>
      <span className="quiet found__when">{moment ? `${time(moment.start_s)} – ${time(moment.end_s)}` : time(track.duration_s, 0)}</span>
      <Why item={item} unit={unit} />
      <MarkButtons what={moment ? { trackId: track.id, name, startS: moment.start_s, endS: moment.end_s } : { trackId: track.id, name }} />
      <Unplayed id={id} preview={preview} />
    </li>
  );
}

/** The labels that are heard in it with their probabilities and, in a recording, where; or confirmed; by sound, how similar it is. */
function Why({ item: { labels = [], similarity, way, track, moment }, unit }: { item: SearchItem; unit: Unit }) {
  if (labels.length) {
    // A recording's numbers are those of its best window.
    const heardAt = unit === "track" && moment ? ` at ${time(moment.best_start_s ?? moment.start_s)}` : "";
    return (
      <span className="clip found__why">
        {eachOnce(labels).slice(0, 2).map(({ label, probability }) => (
          <span key={label} className="found__label">
            {labelText(label).toLowerCase()} <span className="quiet">{isConfirmed(track, label, probability) ? "(confirmed)" : `${percent(probability)}${heardAt}`}</span>{" "}
          </span>
        ))}
      </span>
    );
  }
  return (
    <span className="found__why found__bar" title={way === "clap" ? "how near the sound is to the words" : `cosine similarity; ${unit}`}>
      <span className={`clip ${track.label ? "found__label" : "quiet"}`}>{labelOrWhy(track)}</span>
      <span className="bar__track" aria-hidden="true">
        <span className="bar__fill" style={{ width: `${Math.max(0, similarity) * 100}%` }} />
      </span>
      <span className="bar__value">{similarity.toFixed(2).replace("-", "−")}</span>
    </span>
  );
}

/** Whether a label that was found counts because its owner confirmed it there. */
function isConfirmed({ confirmed = [], confirmed_in_parts = [] }: Track, label: string, probability: number): boolean {
  return probability === 1 && [...confirmed, ...confirmed_in_parts].includes(label);
}

/** A note of the service as a sentence, with its commands as such. */
function Note({ text }: { text: string }) {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text do not move
  return <span>{sentence(text).split("`").map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part))}</span>;
}
