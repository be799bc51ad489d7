import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Answer, Track } from "../api/client";
import { unexplainedText, unheardText, unmeasuredText } from "../state/absent";
import { figuresOf } from "../state/figures";
import { Writes } from "../state/mayWrite";
import { inPartsText } from "../state/labelOrWhy";
import { answersOf, type Models, modelOption, modelsText, shownLabels } from "../state/models";
import { BY_MODEL } from "../state/requests";
import { useSubmit } from "../state/submit";
import { useTrackState } from "../state/TrackStateProvider";
import { PredictedName, useSaidBy, useSaidOfWhole } from "../track/said";
import { Button, ErrorNote } from "../ui/controls";
import { labelText, percent, time } from "../ui/format";

/** What is known of one side in a few figures, with their doubt, or why it is not; those who may write can ask models that have not listened. */
export function Figures({ track, models }: { track: Track; models: Models | null }) {
  const { state } = useTrackState();
  const described = state.result("describe");
  const { submit, submitting, problem } = useSubmit(track.id);
  const going = submitting || state.isGoing("classify");
  return (
    <>
      <dl className="side__figures">
        <Row name="labels">
          <Labels track={track} />
        </Row>
        <Row name="length">{time(track.duration_s)}</Row>
        {described ? (
          figuresOf(described).map(({ name, value, doubt, more }) => (
            <Row key={`${name} ${value}`} name={name} more={more}>
              {value} {doubt ? <span className="small quiet">{doubt}</span> : null}
            </Row>
          ))
        ) : (
          <Row name="how it sounds">{unmeasuredText(state)}</Row>
        )}
        {state.explained ? null : (
          <Row name="evidence">
            {unexplainedText(state)} {going || state.isGoing("explain") ? null : (
              <Writes>
                <Link href={`/tracks/${track.id}`}>Ask for it on the recording's own page</Link>
              </Writes>
            )}
          </Row>
        )}
      </dl>
      {models && !state.classified ? (
        <Writes>
          <Button disabled={going} onClick={() => submit({ tasks: BY_MODEL, options: { classify: { model: modelOption(models) } } })}>
            {going ? "Classifying …" : `Classify by ${modelsText(models)}`}
          </Button>
        </Writes>
      ) : null}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </>
  );
}

function Row({ name, more, children }: { name: string; more?: string | undefined; children: ReactNode }) {
  return (
    <div title={more}>
      <dt className="quiet small">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** All that the owner confirmed, then what is predicted, as the recording's own page says it. */
function Labels({ track }: { track: Track }) {
  const { state } = useTrackState();
  const { classified } = state;
  const { rejected } = useSaidOfWhole(track);
  const by = useSaidBy();
  const { confirmed = [], confirmed_in_parts = [] } = track;
  return (
    <ul className="side__labels">
      {confirmed.map((label) => (
        <li key={label}>
          <strong>{labelText(label)}</strong>, confirmed{by(label)}
        </li>
      ))}
      {confirmed_in_parts.map((label) => (
        <li key={`${label} in parts`}>
          <strong>{inPartsText(label)}</strong>, confirmed{by(label, true)}
        </li>
      ))}
      {classified ? null : <li>{unheardText(state)}</li>}
      {classified?.kind === "silence" ? <li>Nothing is loud enough to be classified.</li> : null}
      {classified && classified.kind !== "silence" ? answersOf(classified).map((answer) => <Predicted key={answer.model.name} answer={answer} rejected={rejected} />) : null}
    </ul>
  );
}

function Predicted({ answer, rejected }: { answer: Answer; rejected: readonly string[] }) {
  if (answer.unknown) return <li>unknown to {answer.model.name}</li>;
  return shownLabels(answer).map(({ label, probability }) => (
    <li key={label}>
      <PredictedName label={label} rejected={rejected} /> {percent(probability)}
    </li>
  ));
}
