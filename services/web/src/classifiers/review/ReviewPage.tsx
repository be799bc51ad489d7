import { Link } from "wouter";
import { errorText } from "../../api/problem";
import { onlyReadText, Writes } from "../../state/mayWrite";
import { Button, ErrorNote, Skeleton } from "../../ui/controls";
import { useTitle } from "../../ui/title";
import "../classifiers.css";
import { type Classifier, useClassifier } from "../queries";
import { STATES } from "../words";
import { Asked } from "./Asked";
import { Rounds } from "./Rounds";
import "./review.css";
import { Unsent } from "../Unsent";
import { useReview } from "./useReview";

/** Asks about one window after the other, and teaches the classifier again after each batch of answers. */
export default function ReviewPage({ name }: { name: string }) {
  const found = useClassifier(name);
  useTitle(`Review of ${name}`);
  return (
    <main id="main" className="page page--narrow review">
      <div className="row wrap">
        <Link href={`/classifiers/${name}`} className="quiet">
          {name}
        </Link>
        <h1>Review</h1>
      </div>
      {found.isPending ? <Skeleton height={320} /> : null}
      {found.isError && !found.data ? (
        <ErrorNote action={<Button onClick={() => void found.refetch()}>Try again</Button>}>{errorText(found.error)}</ErrorNote>
      ) : null}
      {found.data?.version === 0 ? <p role="status">It has no version yet: it is {STATES[found.data.state]}.</p> : null}
      {found.data && found.data.version > 0 ? (
        <Writes otherwise={<p className="empty">{onlyReadText("answer")}</p>}>
          <Review classifier={found.data} />
        </Writes>
      ) : null}
    </main>
  );
}

function Review({ classifier }: { classifier: Classifier }) {
  const review = useReview(classifier);
  const { queue, current, left, history, sentSince, teach, teachNow, outbox, waiting } = review;
  return (
    <>
      <Rounds classifier={classifier} sentSince={sentSince} teach={teach} teachNow={teachNow} />
      <Unsent outbox={outbox} waiting={waiting} />
      {queue.isPending ? <Skeleton height={240} /> : null}
      {queue.isError && !queue.data ? (
        <ErrorNote action={<Button onClick={() => void queue.refetch()}>Try again</Button>}>{errorText(queue.error)}</ErrorNote>
      ) : null}
      {queue.data && !current ? <Nothing skipped={review.skipped} showSkipped={review.showSkipped} undo={history.length ? review.undo : null} /> : null}
      {current ? (
        <Asked
          window={current}
          labels={classifier.labels}
          left={left}
          answer={review.answer}
          skip={review.skip}
          undo={history.length ? review.undo : null}
          last={history.at(-1)?.text ?? null}
        />
      ) : null}
    </>
  );
}

type NothingProps = { skipped: number; showSkipped: () => void; undo: (() => void) | null };

function Nothing({ skipped, showSkipped, undo }: NothingProps) {
  return (
    <div className="empty">
      <p>Nothing is left to ask about with this version. Teach it again, or come back when there are more recordings.</p>
      <div className="row wrap">
        {skipped ? <Button onClick={showSkipped}>Ask about what was skipped</Button> : null}
        {undo ? <Button onClick={undo}>Undo</Button> : null}
      </div>
    </div>
  );
}
