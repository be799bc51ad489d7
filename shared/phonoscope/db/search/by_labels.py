"""Windows by what was heard in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.search.filters import Filters, sparse
from phonoscope.db.search.hits import HEARD, WINDOW_COLUMNS, WindowHit, heard_hits
from phonoscope.db.search.namespaces import Of

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
            WHERE v.owner_id = :owner_id AND v.label_id = wanted.label_id AND v.stem = :stem
            ORDER BY v.best DESC LIMIT :deep
        ) AS v
    ), bounded AS MATERIALIZED (
        SELECT v.track_id, v.space_id, sum(most) AS bound FROM peaks AS v WHERE true {{of_tracks}}
        GROUP BY v.track_id, v.space_id ORDER BY bound DESC, v.track_id LIMIT :tracks + 1
    ), first AS MATERIALIZED (
        SELECT track_id, space_id FROM bounded ORDER BY bound DESC, track_id LIMIT :tracks
    ), windows AS MATERIALIZED (
        SELECT DISTINCT track_id, space_id, unnest(positions) AS position
        FROM first JOIN label_peaks AS v USING (track_id, space_id)
        WHERE v.stem = :stem AND v.label_id = ANY(:labels)
    ), found AS MATERIALIZED (
        SELECT v.*, v.heard <#> CAST(:weights AS sparsevec) AS distance
        FROM windows JOIN window_embeddings AS v USING (track_id, space_id, position)
        WHERE v.stem = :stem AND v.owner_id = :owner_id AND (v.heard <#> CAST(:weights AS sparsevec)) < 0 {{labelled}}
        ORDER BY distance LIMIT :limit
    )
    SELECT {WINDOW_COLUMNS}, {HEARD}, -distance AS similarity, rest.bound
    FROM (SELECT CASE WHEN count(*) > :tracks THEN min(bound) ELSE 0 END AS bound FROM bounded) AS rest
    LEFT JOIN found AS v ON true ORDER BY distance, v.track_id, v.position
"""  # noqa: S608 - of constants


def windows_by_labels(
    session: Session, owner_id: str, weights: Mapping[int, float], filters: Filters, limit: int
) -> list[WindowHit]:
    """The owner's windows of all spaces in which labels are most probable, by the sum of probability and weight.

    Of a label, those windows count in which it is among the track's peaks, and of these tracks the 2,000 in which it is
    most probable.

    Args:
        weights: of labels, by id; those below 0 count against a window.
    """
    positive = {label: weight for label, weight in weights.items() if weight > 0.0}
    if not positive:
        return []
    values: dict[str, Any] = {
        "owner_id": owner_id,
        "stem": filters.stem,
        "labels": list(positive),
        "positive": list(positive.values()),
        "weights": sparse(weights),
        "limit": limit,
        "deep": _DEEP,
        **filters.values,
    }
    of_tracks, every = filters.conditions(None), filters.conditions(Of.WINDOWS)
    statement = text(_STATEMENT.format(of_tracks=of_tracks, labelled=every.removeprefix(of_tracks)))
    tracks = max(_FIRST_TRACKS, limit // 8)
    while True:
        rows = list(session.execute(statement, {**values, "tracks": tracks}))
        found = heard_hits([row for row in rows if row.track_id is not None])
        last = found[-1].similarity if len(found) == limit else 0.0
        if rows[0].bound <= last:
            return found
        tracks *= _MORE
