"""Windows by what was heard in them, and by what their owner confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.search.confirmed import BY_WHOLE, confirmed_tables, confirmed_values, wanted_labels
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.hits import HEARD, WINDOW_COLUMNS, WindowHit, heard_hits
from phonoscope.db.search.namespaces import Of
from phonoscope.db.search.reviewed import SaidLabel, said_column, sum_of, values_of

_FIRST_TRACKS = 50
_MORE = 6
_DEEP = 2_000
"""Of a label, the tracks in which it is most probable."""

# A track's windows cannot have more than the sum of its labels' best: tracks with the greatest sums come first.
_STATEMENT = f"""
    WITH wanted AS (
        SELECT unnest(CAST(:labels AS int[])) AS label_id, unnest(CAST(:positive AS real[])) AS weight
    ), peaks AS MATERIALIZED (
        SELECT v.track_id, v.space_id, v.label_id, weight * v.best AS most FROM wanted CROSS JOIN LATERAL (
            SELECT v.track_id, v.space_id, v.label_id, v.best FROM label_peaks AS v
            WHERE v.owner_id = :owner_id AND v.label_id = wanted.label_id AND v.stem = :stem {{somewhere}}
            ORDER BY v.best DESC LIMIT :deep
        ) AS v
    ), bounded AS MATERIALIZED (
        SELECT track_id, space_id, sum(most) AS bound FROM peaks
        GROUP BY track_id, space_id ORDER BY bound DESC, track_id LIMIT :tracks + 1
    ), first AS MATERIALIZED (
        SELECT track_id, space_id FROM bounded ORDER BY bound DESC, track_id LIMIT :tracks
    ), windows AS MATERIALIZED (
        SELECT DISTINCT track_id, space_id, unnest(positions) AS position
        FROM first JOIN label_peaks AS v USING (track_id, space_id)
        WHERE v.stem = :stem AND v.label_id = ANY(:labels)
    ), scored AS (
        SELECT v.*, {{sum}} AS similarity
        FROM windows JOIN window_embeddings AS v USING (track_id, space_id, position)
        WHERE v.stem = :stem AND v.owner_id = :owner_id {{labelled}} OFFSET 0
    ), found AS MATERIALIZED (
        SELECT * FROM {{some}} AS v WHERE similarity > 0 ORDER BY similarity DESC LIMIT :limit
    )
    SELECT {WINDOW_COLUMNS}, {HEARD}, similarity, {{said}}, rest.bound, {{by_whole}} AS by_whole
    FROM (SELECT CASE WHEN count(*) > :tracks THEN min(bound) ELSE 0 END AS bound FROM bounded) AS rest
    LEFT JOIN found AS v ON true ORDER BY similarity DESC NULLS LAST, v.track_id, v.position
"""  # noqa: S608 - of constants
_CONFIRMED = f"""
    WITH {{tables}}, found AS MATERIALIZED (
        SELECT * FROM (
            SELECT v.*, {{sum}} AS similarity
            FROM confirmed JOIN window_embeddings AS v USING (track_id, space_id, position)
            WHERE v.stem = :stem AND v.owner_id = :owner_id OFFSET 0
        ) AS scored WHERE similarity > 0 ORDER BY similarity DESC, track_id, position LIMIT :limit
    )
    SELECT {WINDOW_COLUMNS}, {HEARD}, similarity, {{said}}, {BY_WHOLE} AS by_whole
    FROM found AS v ORDER BY similarity DESC, track_id, position
"""  # noqa: S608 - of constants
# Of those that count alike because their recording is confirmed, the ones in which most is heard.
_FEW_OF_WHOLE = f"""(
    SELECT * FROM (
        SELECT v.*, row_number() OVER (
            PARTITION BY track_id, by_whole ORDER BY similarity DESC, v.heard <#> CAST(:weights AS sparsevec), position
        ) AS place FROM (SELECT v.*, {BY_WHOLE} AS by_whole FROM scored AS v) AS v WHERE similarity > 0
    ) AS v WHERE NOT by_whole OR place <= :of_whole
)"""  # noqa: S608 - of constants


class _Found(NamedTuple):
    """A window, and whether it counts as confirmed only because its whole recording does."""

    hit: WindowHit
    by_whole: bool


def windows_by_labels(
    session: Session,
    owner_id: str,
    weights: Mapping[int, float],
    filters: Filters,
    limit: int,
    said: Sequence[SaidLabel] = (),
    *,
    in_track: bool = False,
) -> list[WindowHit]:
    """The owner's windows of all spaces in which labels are most probable, by the sum of probability and weight.

    Of a label, those windows count in which it is among the track's peaks, and of the tracks that pass the filters the
    2,000 in which it is most probable; and those of which the owner confirmed it, a few of a recording of which it is
    confirmed as a whole.

    Args:
        weights: of labels, by id; those below 0 count against a window.
        said: labels of which the owner confirmed or rejected something, with ids that are in ``weights``.
        in_track: whether one window of each recording or span that is confirmed is enough.
    """
    values: dict[str, Any] = {
        "owner_id": owner_id,
        "stem": filters.stem,
        "limit": limit,
        "said_labels": [each.label for each in said],
        **values_of("weights", weights, said),
        **filters.values,
    }
    wanted = wanted_labels(weights, said)
    values |= confirmed_values(wanted, limit, in_track=in_track)
    heard = _heard(session, weights, filters, values, said)
    if not wanted:
        return [hit for hit, _ in heard]
    rows = list(session.execute(text(_of(_CONFIRMED, filters, said)), values))
    return _few_of_whole([*heard, *_found(rows, said)], values["of_whole"])[:limit]


def _heard(
    session: Session,
    weights: Mapping[int, float],
    filters: Filters,
    values: Mapping[str, Any],
    said: Sequence[SaidLabel],
) -> list[_Found]:
    positive = {label: weight for label, weight in weights.items() if weight > 0.0}
    if not positive:
        return []
    own = {"labels": list(positive), "positive": list(positive.values()), "deep": _DEEP}
    some, by_whole = (_FEW_OF_WHOLE, BY_WHOLE) if values["wanted"] else ("scored", "false")
    statement, limit = text(_of(_STATEMENT, filters, said, some=some, by_whole=by_whole)), values["limit"]
    tracks = max(_FIRST_TRACKS, limit // 8)
    while True:
        rows = list(session.execute(statement, {**values, **own, "tracks": tracks}))
        found = _found([row for row in rows if row.track_id is not None], said)
        last = found[-1].hit.similarity if len(found) == limit else 0.0
        if rows[0].bound <= last:
            return found
        tracks *= _MORE


def _found(rows: Sequence[Any], said: Sequence[SaidLabel]) -> list[_Found]:
    return [_Found(hit, row.by_whole) for hit, row in zip(heard_hits(rows, said), rows, strict=True)]


def _few_of_whole(found: Sequence[_Found], most: int) -> list[WindowHit]:
    """All windows, each once, the best first; of a recording that is confirmed as a whole the first ones that are."""
    every: dict[tuple[str, int, float], WindowHit] = {}
    of_whole: Counter[str] = Counter()
    for hit, by_whole in found:
        key = hit.track_id, hit.position, hit.start_s
        if key not in every and (not by_whole or of_whole[hit.track_id] < most):
            every[key] = hit
            of_whole[hit.track_id] += by_whole
    return sorted(every.values(), key=lambda hit: (-hit.similarity, hit.track_id, hit.position, hit.start_s))


def _of(statement: str, filters: Filters, said: Sequence[SaidLabel], **more: str) -> str:
    return statement.format(
        somewhere=filters.conditions(Of.TRACKS),
        labelled=filters.labelled,
        tables=confirmed_tables(filters),
        sum=sum_of("weights", said),
        said=said_column(said),
        **more,
    )
