import { memo, useMemo } from "react";
import { Link } from "wouter";
import { time } from "../../ui/format";
import { labelOrWhy } from "../../state/labelOrWhy";
import type { MapPoint } from "./queries";
import type { Atlas, Filter } from "./atlas";
import { type Frame, isInside, toPixel, type View } from "./mapView";
import { count, nameOf, recordings, summaryText } from "./text";

const MOST_LINKS = 100;

type Props = { atlas: Atlas; filter: Filter; view: View; frame: Frame };

/** The map as text: a summary, and the visible recordings as links, those nearest to the middle first. */
export const InView = memo(function InView({ atlas, filter, view, frame }: Props) {
  const seen = useMemo(() => pointsIn({ atlas, filter, view, frame }), [atlas, filter, view, frame]);
  const first = seen.slice(0, MOST_LINKS);
  return (
    <details className="map__text">
      <summary>{`${recordings(seen.length)} in view`}</summary>
      <p className="quiet">{summaryText(atlas)}</p>
      {seen.length > MOST_LINKS ? (
        <p className="quiet">{`The ${MOST_LINKS} nearest to the middle of ${count(seen.length)}; zoom in for the others.`}</p>
      ) : null}
      <ol aria-label="Recordings in view">
        {first.map((point) => (
          <li key={point.track_id}>
            <Link href={`/tracks/${point.track_id}`} className="clip">
              {nameOf(point)}
            </Link>
            <span className="quiet small clip">
              {labelOrWhy(point, atlas.model)} · {time(point.duration_s, 0)}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
});

function pointsIn({ atlas, filter, view, frame }: Props): MapPoint[] {
  if (!frame.size.width) return [];
  const far = ({ x, y }: MapPoint) => (x - view.x) ** 2 + (y - view.y) ** 2;
  return atlas.points
    .filter((point, index) => filter.fits(index) && isInside(toPixel(point, view, frame), frame.size))
    .sort((a, b) => far(a) - far(b));
}
