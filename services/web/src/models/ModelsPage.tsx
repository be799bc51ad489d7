import type { ReactNode } from "react";
import type { ModelCard, StemModelCard } from "../api/client";
import { inWords } from "../api/problem";
import { BadNote, Button, Skeleton } from "../ui/controls";
import { percent } from "../ui/format";
import { Confusion } from "./Confusion";
import { Figure } from "./Figure";
import "./models.css";
import { listens, useModels } from "./queries";
import { StemFigures, StemTable } from "./StemFigures";

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

/** What is served: what each model knows, how well, from what data, and what it cannot do. */
export default function ModelsPage() {
  const found = useModels();
  return (
    <main id="main" className="page page--narrow stack">
      <h1>Models</h1>
      {found.isPending ? <Skeleton height={320} /> : null}
      {found.isError ? (
        <BadNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{inWords(found.error)}</BadNote>
      ) : null}
      {found.data?.map((card) => (
        <Card key={card.name} card={card} />
      ))}
    </main>
  );
}

function Card({ card }: { card: ModelCard | StemModelCard }) {
  return listens(card) ? <ListenerCard card={card} /> : <StemCard card={card} />;
}

function ListenerCard({ card }: { card: ModelCard }) {
  const validation = (card.metrics["cross_validation"] ?? {}) as Validation;
  return (
    <CardFrame card={card} knows={`${card.labels.length} labels`} figures={<Figures card={card} validation={validation} />}>
      {validation.confusion ? <Confusion labels={card.labels} counts={validation.confusion} /> : null}
    </CardFrame>
  );
}

function StemCard({ card }: { card: StemModelCard }) {
  return (
    <CardFrame card={card} knows={`${card.sources.length} stems`} figures={<StemFigures card={card} />}>
      <StemTable card={card} />
    </CardFrame>
  );
}

type CardFrameProps = { card: ModelCard | StemModelCard; knows: string; figures: ReactNode; children: ReactNode };

function CardFrame({ card, knows, figures, children }: CardFrameProps) {
  return (
    <article className="card" aria-labelledby={`model-${card.name}`}>
      <h2 id={`model-${card.name}`}>{card.name}</h2>
      <p className="quiet">
        {card.kind} · {card.architecture} · {knows}
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
          <h3>Made from</h3>
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
  const { map } = (card.metrics["retrieval"] ?? {}) as Retrieval;
  const { strangers, strangers_rejected } = (card.metrics["unknown"] ?? {}) as Unknown;
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
        <Figure name="strangers rejected" value={percent(strangers_rejected)} more={`of ${strangers}`} />
      )}
      {map === undefined ? null : <Figure name="retrieval, mAP" value={map.toFixed(2)} />}
      <Figure name="embedding" value={`${card.embedding_dim}`} more="numbers" />
    </dl>
  );
}
