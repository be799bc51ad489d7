import type { Answer, Track } from "../api/client";
import { useModel } from "../models/queries";
import { ErrorNote, Button } from "../ui/controls";
import { percent, labelText } from "../ui/format";
import { KindMark } from "../ui/Kind";
import type { Explanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { answersOf, type Models, modelOption, shownLabels, thresholdOf } from "../state/models";
import { BY_MODEL } from "../state/requests";
import { useTrackState } from "../state/TrackStateProvider";
import { useSubmit } from "../state/submit";
import type { ResultOf } from "../state/results";
import type { ModelLabel } from "../state/trackState";
import { SILENCE, unheardText } from "../state/absent";
import { ModelChoice } from "./ModelChoice";
import { Evidence } from "./Evidence";
import { PredictedName, useSaidOfWhole } from "./said";
import { Tags } from "./Tags";

type Props = { track: Track; explanation: Explanation };

/** The labels of the recording. Other models can be selected; they classify the recording unless they have before, for whoever may ask for that. */
export function Classification({ track, explanation }: Props) {
  const { state, selectModels } = useTrackState();
  const { models, classified } = state;
  const { submit, submitting, problem } = useSubmit(track.id);
  const { rejected } = useSaidOfWhole(track);
  const mayWrite = useMayWrite();
  const classify = (chosen: Models) => submit({ tasks: BY_MODEL, options: { classify: { model: modelOption(chosen) } } });
  return (
    <section className="panel" aria-labelledby="labels-title" aria-busy={submitting}>
      <h2 id="labels-title">Labels</h2>
      {classified ? <Answers classified={classified} rejected={rejected} explanation={explanation} /> : null}
      {classified ? null : <p className="quiet">{unheardText(state)}</p>}
      {state.labels.length > 1 ? <ByModel labels={state.labels} /> : null}
      {models ? (
        <ModelChoice
          models={models}
          offers={(chosen) => mayWrite || state.isClassifiedBy(chosen)}
          choose={(chosen) => {
            selectModels(chosen);
            if (!state.isClassifiedBy(chosen)) classify(chosen);
          }}
        />
      ) : null}
      {classified || !models || !mayWrite || (state.isGoing("classify") && !submitting) ? null : (
        <Button disabled={submitting} onClick={() => classify(models)}>
          {submitting ? "Classifying …" : "Classify"}
        </Button>
      )}
      {problem ? <ErrorNote>{problem}</ErrorNote> : null}
    </section>
  );
}

type AnswersProps = { classified: ResultOf<"classify">; rejected: readonly string[]; explanation: Explanation };

/** The answer that counts with its bars, then the others' labels, and warnings. */
function Answers({ classified, rejected, explanation }: AnswersProps) {
  const [counting, ...others] = answersOf(classified);
  const { kind, warnings = [] } = classified;
  return (
    <>
      {kind ? (
        <p>
          <KindMark kind={kind} />
        </p>
      ) : null}
      {kind === "silence" ? (
        <p className="quiet">{SILENCE}</p>
      ) : (
        <>
          {counting ? <Bars answer={counting} rejected={rejected} explanation={explanation} /> : null}
          {others.map((answer) => (
            <OtherAnswer key={answer.model.name} answer={answer} rejected={rejected} explanation={explanation} />
          ))}
        </>
      )}
      {warnings.map((warning) => (
        <p key={warning} className="small quiet">
          {warning}
        </p>
      ))}
    </>
  );
}

type AnswerProps = { answer: Answer; rejected: readonly string[]; explanation: Explanation };

/** The most probable labels, and whether they reach their thresholds. */
function Bars({ answer, rejected, explanation }: AnswerProps) {
  const { unknown, top } = answer;
  const model = answer.model.name;
  const ofAll = useModel(model).data?.unknown_below;
  const leastOf = (label: string) => thresholdOf(answer, label) ?? ofAll;
  return (
    <>
      <ol className="bars">
        {shownLabels(answer).map(({ label, probability }) => (
          <li key={label} className={`bar ${label === top[0]?.label && !unknown ? "bar--winner" : ""}`}>
            <Evidence className="bar__name clip" title={`Show the evidence for ${labelText(label)}`} of={{ model, label }} explanation={explanation}>
              <PredictedName label={label} rejected={rejected} />
            </Evidence>
            <span className="bar__track" aria-hidden="true">
              <span className="bar__fill" style={{ width: `${probability * 100}%` }} />
              <Threshold share={leastOf(label)} />
            </span>
            <span className="bar__value">{percent(probability)}</span>
          </li>
        ))}
      </ol>
      <p className="small quiet">{verdict(answer, top[0] && leastOf(top[0].label))}</p>
    </>
  );
}

function Threshold({ share }: { share: number | undefined }) {
  return share === undefined ? null : <i style={{ left: `${share * 100}%` }} />;
}

function OtherAnswer({ answer, rejected, explanation }: AnswerProps) {
  return (
    <div className="also">
      <span className="small quiet">{answer.model.name}</span>
      {answer.unknown && !answer.several ? <span className="quiet">unknown</span> : <Tags answer={answer} rejected={rejected} explanation={explanation} />}
    </div>
  );
}

/** The label by each model that has classified the recording. */
function ByModel({ labels }: { labels: readonly ModelLabel[] }) {
  return (
    <dl className="facts small" aria-label="Labels by model">
      {labels.map(({ model, label }) => (
        <div key={model}>
          <dt>{model}</dt>
          <dd>{label === null ? "unknown" : labelText(label)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Two shares as percent, with a digit more where they would look the same. */
function twoShares(one: number, other: number): [string, string] {
  const [first, second] = [percent(one), percent(other)];
  if (first !== second) return [first, second];
  return [`${(100 * one).toFixed(1)} %`, `${(100 * other).toFixed(1)} %`];
}

function verdict({ model, unknown, several, top: [best] }: Answer, least: number | undefined): string {
  if (!best || least === undefined) return `By ${model.name}.`;
  if (several) {
    const more = "Several can hold at once: the probabilities need not sum to 100 %.";
    return unknown ? `By ${model.name}: unknown, no label reaches its threshold.` : `By ${model.name}. ${more}`;
  }
  const [own, needed] = twoShares(best.probability, least);
  return unknown
    ? `Unknown: no label of ${model.name} reaches ${needed} over the whole recording; the nearest has ${own}.`
    : `By ${model.name}, over the whole recording: ${own}, and ${needed} are enough.`;
}
