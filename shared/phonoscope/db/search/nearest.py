"""The windows and tracks whose vectors are nearest to one: exactly, or by the index of their namespace.

A namespace without an index is read whole. Of one with an index, the rows that filters leave are looked at one by one
where they are few; else the index gives its nearest until enough have passed, and where too few do, the namespace is
read whole. So a filter costs no recall.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.search.by_labels import windows_by_labels
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.hits import (
    TRACK_COLUMNS,
    WINDOW_COLUMNS,
    TrackHit,
    WindowHit,
    as_sql,
    track_hits,
    window_hits,
)
from phonoscope.db.search.indexes import Index, ready_index
from phonoscope.db.search.namespaces import Namespace, Of
from phonoscope.work import Space

__all__ = ["TrackHit", "WindowHit", "nearest_rows", "nearest_tracks", "nearest_windows", "windows_by_labels"]

_COLUMNS = {Of.WINDOWS: WINDOW_COLUMNS, Of.TRACKS: TRACK_COLUMNS}
_KEY = {Of.WINDOWS: ("track_id", "position"), Of.TRACKS: ("track_id",)}
_VECTOR = "CAST(:vector AS halfvec)"
_STEPS = 4
"""A step of an index takes about 4 times as long as to read a row, and of those that it passes some are left."""

_NEAR = """
    SELECT v.*, v.vector <#> {vector} AS distance FROM {rows} WHERE {namespace}{conditions}
    ORDER BY {order} LIMIT :ahead
"""
_FOUND = """
    WITH near AS MATERIALIZED ({near})
    SELECT {columns}, -distance AS similarity FROM near AS v ORDER BY distance, {key} LIMIT :limit
"""
# By track: the windows of one lie together, and are read in one pass.
_FEW = {
    Of.WINDOWS: """(SELECT track_id, array_agg(position) AS positions FROM few GROUP BY track_id) AS few
        JOIN window_embeddings AS v ON v.track_id = few.track_id AND v.position = ANY(few.positions)""",
    Of.TRACKS: "(SELECT DISTINCT track_id FROM few) AS few JOIN embeddings AS v ON v.track_id = few.track_id",
}
_OF_FEW = """
    WITH few AS MATERIALIZED ({candidates} LIMIT :few + 1),
    counted AS MATERIALIZED (SELECT count(*) AS matching FROM few), near AS MATERIALIZED ({near})
    SELECT {columns}, -distance AS similarity, matching
    FROM counted LEFT JOIN near AS v ON true ORDER BY distance, {key}
"""


def nearest_tracks(
    session: Session, owner_id: str, space: Space, vector: NDArray[np.float32], filters: Filters, limit: int
) -> list[TrackHit]:
    """The owner's tracks whose vectors are nearest to a unit vector, nearest first.

    Args:
        session: in a transaction.
    """
    namespace, rows = Namespace(Of.TRACKS, owner_id, space.digest, filters.stem), limit
    while True:
        found = track_hits(nearest_rows(session, namespace, vector, filters, rows))
        # Equal weights under two names give a track two equal vectors.
        once = list({hit.track_id: hit for hit in found}.values())
        if len(once) >= limit or len(found) < rows:
            return once[:limit]
        rows += limit


def nearest_windows(
    session: Session, owner_id: str, space_id: int, vector: NDArray[np.float32], filters: Filters, limit: int
) -> list[WindowHit]:
    """The owner's windows nearest to a unit vector, nearest first.

    Args:
        session: in a transaction.
    """
    namespace = Namespace(Of.WINDOWS, owner_id, space_id, filters.stem)
    return window_hits(nearest_rows(session, namespace, vector, filters, limit))


def nearest_rows(
    session: Session,
    namespace: Namespace,
    vector: NDArray[np.float32],
    filters: Filters,
    limit: int,
    *,
    exactly: bool = False,
) -> list[Any]:
    """The rows of a namespace whose vectors are nearest, by whatever way is fastest.

    Args:
        exactly: whether no index is used, to measure those that are.
    """
    values = {**namespace.values, **filters.values, "vector": as_sql(vector), "limit": limit}
    index = None if exactly else ready_index(session, namespace, limit)
    if index is None:
        return _exact(session, namespace, filters, values)
    if filters.selective and (found := _of_few(session, namespace, filters, values, index.rows)) is not None:
        return found
    found = _indexed(session, namespace, filters, values, index)
    short = len(found) < limit and bool(filters.selective or filters.without)
    return _exact(session, namespace, filters, values) if short else found


def found_key(namespace: Namespace, row: Any) -> tuple[Any, ...]:
    """What tells a row that was found from the namespace's others."""
    return tuple(getattr(row, name) for name in _KEY[namespace.of])


def _exact(session: Session, namespace: Namespace, filters: Filters, values: Mapping[str, Any]) -> list[Any]:
    # Not the bare distance, so that no index gives the order.
    near = _near(namespace, filters, f"{namespace.of} AS v", f"(v.vector <#> {_VECTOR}) + 0.0")
    return list(session.execute(text(_found(namespace, near)), {**values, "ahead": values["limit"]}))


def _of_few(
    session: Session, namespace: Namespace, filters: Filters, values: Mapping[str, Any], rows: int
) -> list[Any] | None:
    """The nearest of the rows that pass, where they are few; ``None`` where they are more."""
    near = _near(
        namespace,
        filters,
        _FEW[namespace.of],
        f"(v.vector <#> {_VECTOR}) + 0.0",
        " AND (SELECT matching FROM counted) <= :few",
    )
    statement = _OF_FEW.format(
        candidates=filters.candidates(namespace.of), near=near, columns=_COLUMNS[namespace.of], key=_order(namespace)
    )
    few = isqrt(_STEPS * values["limit"] * max(rows, 1))
    found = list(session.execute(text(statement), {**values, "ahead": values["limit"], "few": few}))
    if found[0].matching > few:
        return None
    return [row for row in found if row.track_id is not None]


def _indexed(
    session: Session, namespace: Namespace, filters: Filters, values: Mapping[str, Any], index: Index
) -> list[Any]:
    limit = values["limit"]
    near = _near(namespace, filters, f"{namespace.of} AS v", index.distance(_VECTOR))
    for name, value in index.rung.settings.items():
        session.execute(text(f"SET LOCAL {name} = '{value}'"))
    return list(session.execute(text(_found(namespace, near)), {**values, "ahead": index.rung.ahead(limit)}))


def _near(namespace: Namespace, filters: Filters, rows: str, order: str, also: str = "") -> str:
    conditions = filters.conditions(namespace.of) + also
    return _NEAR.format(vector=_VECTOR, rows=rows, namespace=namespace.condition(), conditions=conditions, order=order)


def _found(namespace: Namespace, near: str) -> str:
    return _FOUND.format(near=near, columns=_COLUMNS[namespace.of], key=_order(namespace))


def _order(namespace: Namespace) -> str:
    return ", ".join(f"v.{name}" for name in _KEY[namespace.of])
