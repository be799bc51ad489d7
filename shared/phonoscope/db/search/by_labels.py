"""Windows by what was heard in them, and by what their owner confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.search.filters import Filters
from phonoscope.db.search.hits import HEARD, WINDOW_COLUMNS, WindowHit, heard_hits
from phonoscope.db.search.namespaces import Of
from phonoscope.db.search.reviewed import SaidLabel, said_column, sum_of, values_of
from phonoscope.db.search.said import fits

_FIRST_TRACKS = 50
_MORE = 6
_DEEP = 2_000
"""Of a label, the tracks in which it is most probable."""
_MOST_CONFIRMED = 4
"""Windows that are looked at because of what is confirmed, for each that is asked for."""

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
    ), found AS MATERIALIZED (
        SELECT * FROM (
            SELECT v.*, {{sum}} AS similarity
            FROM windows JOIN window_embeddings AS v USING (track_id, space_id, position)
            WHERE v.stem = :stem AND v.owner_id = :owner_id {{labelled}} OFFSET 0
        ) AS scored WHERE similarity > 0 ORDER BY similarity DESC LIMIT :limit
    )
    SELECT {WINDOW_COLUMNS}, {HEARD}, similarity, {{said}}, rest.bound
    FROM (SELECT CASE WHEN count(*) > :tracks THEN min(bound) ELSE 0 END AS bound FROM bounded) AS rest
    LEFT JOIN found AS v ON true ORDER BY similarity DESC NULLS LAST, v.track_id, v.position
"""  # noqa: S608 - of constants
# Of a recording that is confirmed as a whole every window counts alike: some of them are enough.
_CONFIRMED = f"""
    WITH chosen AS MATERIALIZED (
        SELECT v.* FROM unnest(CAST(:wanted AS text[])) AS asked (label) CROSS JOIN LATERAL (
            SELECT v.track_id, v.start_s, v.end_s
            FROM (SELECT annotations.*, CAST(:stem AS text) AS stem FROM annotations) AS v
            WHERE v.owner_id = :owner_id AND v.label = asked.label AND v.state = 'confirmed' {{somewhere}}
            ORDER BY v.track_id, v.id LIMIT :limit
        ) AS v
    ), windows AS MATERIALIZED (
        SELECT fitting.* FROM chosen CROSS JOIN LATERAL (
            SELECT v.track_id, v.space_id, v.position FROM window_embeddings AS v
            WHERE v.track_id = chosen.track_id AND v.stem = :stem AND {fits("chosen", "v")} {{labelled}}
              AND v.space_id = (SELECT min(v.space_id) FROM window_embeddings AS v
                                WHERE v.track_id = chosen.track_id AND v.stem = :stem {{there}})
            ORDER BY v.position LIMIT :of_one
        ) AS fitting LIMIT :most
    ), found AS MATERIALIZED (
        SELECT * FROM (
            SELECT v.*, {{sum}} AS similarity
            FROM (SELECT DISTINCT * FROM windows) AS windows
            JOIN window_embeddings AS v USING (track_id, space_id, position)
            WHERE v.stem = :stem AND v.owner_id = :owner_id OFFSET 0
        ) AS scored WHERE similarity > 0 ORDER BY similarity DESC, track_id, position LIMIT :limit
    )
    SELECT {WINDOW_COLUMNS}, {HEARD}, similarity, {{said}} FROM found AS v ORDER BY similarity DESC, track_id, position
"""  # noqa: S608 - of constants


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
    2,000 in which it is most probable; and those of which the owner confirmed it.

    Args:
        weights: of labels, by id; those below 0 count against a window.
        said: labels of which the owner confirmed or rejected something, with ids that are in ``weights``.
        in_track: whether one window of each recording or span that is confirmed is enough.
    """
    values = {
        "owner_id": owner_id,
        "stem": filters.stem,
        "limit": limit,
        "said_labels": [each.label for each in said],
        **values_of("weights", weights, said),
        **filters.values,
    }
    heard = _heard(session, weights, filters, values, said)
    confirmed = _confirmed(session, weights, filters, values, said, in_track=in_track)
    if not confirmed:
        return heard
    every = {(-hit.similarity, hit.track_id, hit.position, hit.start_s): hit for hit in (*heard, *confirmed)}
    return [every[key] for key in sorted(every)][:limit]


def _heard(
    session: Session,
    weights: Mapping[int, float],
    filters: Filters,
    values: Mapping[str, Any],
    said: Sequence[SaidLabel],
) -> list[WindowHit]:
    positive = {label: weight for label, weight in weights.items() if weight > 0.0}
    if not positive:
        return []
    own = {"labels": list(positive), "positive": list(positive.values()), "deep": _DEEP}
    statement, limit = text(_of(_STATEMENT, filters, said)), values["limit"]
    tracks = max(_FIRST_TRACKS, limit // 8)
    while True:
        rows = list(session.execute(statement, {**values, **own, "tracks": tracks}))
        found = heard_hits([row for row in rows if row.track_id is not None], said)
        last = found[-1].similarity if len(found) == limit else 0.0
        if rows[0].bound <= last:
            return found
        tracks *= _MORE


def _confirmed(
    session: Session,
    weights: Mapping[int, float],
    filters: Filters,
    values: Mapping[str, Any],
    said: Sequence[SaidLabel],
    *,
    in_track: bool,
) -> list[WindowHit]:
    wanted = [each.label for each in said if any(weights.get(id_, 0.0) > 0.0 for id_ in each.ids)]
    if not wanted:
        return []
    limit = values["limit"]
    own = {"wanted": wanted, "of_one": 1 if in_track else limit, "most": _MOST_CONFIRMED * limit}
    rows = session.execute(text(_of(_CONFIRMED, filters, said)), {**values, **own})
    return heard_hits(list(rows), said)


def _of(statement: str, filters: Filters, said: Sequence[SaidLabel]) -> str:
    labelled = filters.labelled
    return statement.format(
        somewhere=filters.conditions(Of.TRACKS),
        labelled=labelled,
        there=f"AND {fits('chosen', 'v')} {labelled}" if labelled else "",
        sum=sum_of("weights", said),
        said=said_column(said),
    )
