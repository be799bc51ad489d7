import type { ReactNode } from "react";
import type { ModelCard, StemModelCard } from "../api/client";
import { errorText } from "../api/problem";
import { Writes } from "../state/mayWrite";
import { ErrorNote, Button, Skeleton } from "../ui/controls";
import { percent } from "../ui/format";
import { Bodies } from "./Bodies";
import { Confusion } from "./Confusion";
import { Figure } from "./Figure";
import { Labels } from "./Labels";
import { Mistakes } from "./Mistakes";
import "./models.css";
import { isClassifier, useModels } from "./queries";
import { Spaces } from "./Spaces";
import { StemFigures, StemTable } from "./StemFigures";
import { UsedForUploads, UseModel } from "./UploadModel";

type Retrieval = { map?: number };
type Unknown = { strangers?: number; strangers_rejected?: number };

type Validation = {
  accuracy_mean?: number;
  accuracy_sd?: number | null;
  macro_f1?: number;
  recordings?: number;
  confusion?: number[][];
  recall_by_label?: Record<string, number>;
};

/** The served models: labels or stems, metrics, bodies, training data, licence and limits. */
export default function ModelsPage() {
  const found = useModels();
  return (
    <main id="main" className="page page--narrow stack">
      <h1>Models</h1>
      <Writes>
        <UsedForUploads />
      </Writes>
      {found.isPending ? <Skeleton height={320} /> : null}
      {found.isError ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.data?.map((card) => (
        <Card key={card.name} card={card} />
      ))}
      <Spaces />
    </main>
  );
}

function Card({ card }: { card: ModelCard | StemModelCard }) {
  return isClassifier(card) ? <ClassifierCard card={card} /> : <SeparatorCard card={card} />;
}

function ClassifierCard({ card }: { card: ModelCard }) {
  const validation = (card.metrics.cross_validation ?? {}) as Validation;
  return (
    <CardFrame
      card={card}
      classes={`${card.labels.length} labels`}
      figures={<Figures card={card} validation={validation} />}
      use={
        <Writes>
          <UseModel name={card.name} />
        </Writes>
      }
    >
      <div className="stack">
        <Labels labels={card.labels} />
        {validation.confusion ? <Mistakes labels={card.labels} counts={validation.confusion} /> : null}
        {validation.confusion ? <Confusion labels={card.labels} counts={validation.confusion} of={card.name} /> : null}
        {card.bodies.length ? <Bodies bodies={card.bodies} /> : null}
      </div>
    </CardFrame>
  );
}

function SeparatorCard({ card }: { card: StemModelCard }) {
  return (
    <CardFrame card={card} classes={`${card.sources.length} stems`} figures={<StemFigures card={card} />}>
      <StemTable card={card} />
    </CardFrame>
  );
}

type CardFrameProps = { card: ModelCard | StemModelCard; classes: string; figures: ReactNode; use?: ReactNode; children: ReactNode };

function CardFrame({ card, classes, figures, use, children }: CardFrameProps) {
  return (
    <article className="card" aria-labelledby={`model-${card.name}`}>
      <div className="row spread wrap">
        <h2 id={`model-${card.name}`}>{card.name}</h2>
        {use}
      </div>
      <p className="quiet">
        {card.kind} · {card.architecture} · {classes}
      </p>
      {figures}
      <div className="card__parts">
        {children}
        <div className="stack">
          <h3>Limits</h3>
          <ul className="card__limits">
            {card.limits.map((limit) => (
              <li key={limit}>{limit}</li>
            ))}
          </ul>
          <h3>Training data</h3>
          <p>{card.data}</p>
          <h3>Licence</h3>
          <p>{card.licence}</p>
          <h3>Digest</h3>
          <p className="mono small card__digest">{card.digest}</p>
        </div>
      </div>
    </article>
  );
}

function Figures({ card, validation }: { card: ModelCard; validation: Validation }) {
  const { accuracy_mean, accuracy_sd, macro_f1, recordings } = validation;
  const { map } = (card.metrics.retrieval ?? {}) as Retrieval;
  const { strangers, strangers_rejected } = (card.metrics.unknown ?? {}) as Unknown;
  return (
    <dl className="figures">
      {accuracy_mean === undefined ? null : (
        <Figure
          name="accuracy, cross-validated"
          value={percent(accuracy_mean)}
          more={accuracy_sd === undefined || accuracy_sd === null ? "" : `± ${(accuracy_sd * 100).toFixed(1)} %`}
        />
      )}
      {macro_f1 === undefined ? null : <Figure name="macro F1" value={macro_f1.toFixed(2)} />}
      {recordings === undefined ? null : <Figure name="recordings" value={String(recordings)} />}
      <Figure name="unknown below" value={percent(card.unknown_below)} />
      {strangers_rejected === undefined ? null : (
        <Figure name="unknown sounds rejected" value={percent(strangers_rejected)} more={`of ${strangers}`} />
      )}
      {map === undefined ? null : <Figure name="retrieval, mAP" value={map.toFixed(2)} />}
      <Figure name="embedding" value={`${card.embedding_dim}`} more="numbers" />
    </dl>
  );
}
