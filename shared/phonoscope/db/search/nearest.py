"""The windows and tracks whose vectors are nearest to one, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC, Vector
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import EMBEDDING_DIM
from phonoscope.db.schema.windows import LABEL_DIMENSIONS
from phonoscope.db.search.filters import Filters
from phonoscope.work import Space


class TrackHit(NamedTuple):
    """A track whose vector is near, with the cosine in [-1, 1] and its unit vector."""

    track_id: str
    similarity: float
    vector: NDArray[np.float32]


class WindowHit(NamedTuple):
    """A window, and how well it fits.

    Args:
        similarity: the cosine in [-1, 1]; of a search by labels their weighted sum.
        vector: its unit vector.
        heard: the probabilities of labels, by id.
    """

    track_id: str
    space_id: int
    stem: str
    position: int
    start_s: float
    end_s: float
    similarity: float
    vector: NDArray[np.float32]
    heard: dict[int, float]


_WINDOWS = """
    SELECT track_id, space_id, stem, position, start_s, end_s, {similarity} AS similarity, vector, heard
    FROM window_embeddings JOIN tracks ON tracks.id = track_id
    WHERE window_embeddings.owner_id = :owner_id AND stem = :stem {conditions}
    ORDER BY {order} LIMIT :limit
"""
_HEARD = "-(heard <#> CAST(:label_{label} AS sparsevec)) >= :least_{label}"


_TRACKS = """
    SELECT embeddings.track_id, 1.0 - (vector <=> CAST(:vector AS vector)) AS similarity, vector
    FROM embeddings JOIN tracks ON tracks.id = embeddings.track_id
    WHERE embeddings.owner_id = :owner_id AND model_digest = :digest AND embeddings.stem = :stem
      AND vector IS NOT NULL {conditions}
    ORDER BY vector <=> CAST(:vector AS vector) LIMIT :limit
"""
_PEAK = """EXISTS (
    SELECT FROM label_peaks WHERE label_peaks.track_id = embeddings.track_id AND label_peaks.stem = embeddings.stem
      AND label_id = {label} AND best >= :least_{label}
)"""


def nearest_tracks(
    session: Session, owner_id: str, space: Space, vector: NDArray[np.float32], filters: Filters, limit: int
) -> list[TrackHit]:
    """The owner's tracks whose vectors are nearest to a unit vector, nearest first."""
    conditions, values = _conditions(filters, _PEAK)
    scope = {"owner_id": owner_id, "digest": space.digest, "stem": filters.stem, "limit": limit}
    statement = text(_TRACKS.format(conditions=conditions)).columns(vector=Vector(EMBEDDING_DIM))
    rows = session.execute(statement, {**scope, **values, "vector": str(vector.tolist())})
    return [
        TrackHit(row.track_id, float(np.clip(row.similarity, -1.0, 1.0)), np.asarray(row.vector, np.float32))
        for row in rows
    ]


def nearest_windows(
    session: Session, owner_id: str, space_id: int, vector: NDArray[np.float32], filters: Filters, limit: int
) -> list[WindowHit]:
    """The owner's windows nearest to a unit vector, nearest first."""
    conditions, values = _conditions(filters, _HEARD)
    statement = _WINDOWS.format(
        similarity="-(vector <#> CAST(:vector AS halfvec))",
        conditions=f"AND space_id = :space_id {conditions}",
        order="vector <#> CAST(:vector AS halfvec)",
    )
    scope = {"owner_id": owner_id, "space_id": space_id, "stem": filters.stem, "limit": limit}
    return _hits(session, statement, {**scope, **values, "vector": str(vector.tolist())})


def windows_by_labels(
    session: Session, owner_id: str, weights: Mapping[int, float], filters: Filters, limit: int
) -> list[WindowHit]:
    """The owner's windows of all spaces in which labels are most probable, by the sum of probability and weight.

    Args:
        weights: of labels, by id; those below 0 count against a window.
    """
    conditions, values = _conditions(filters, _HEARD)
    statement = _WINDOWS.format(
        similarity="-(heard <#> CAST(:weights AS sparsevec))",
        conditions=f"AND (heard <#> CAST(:weights AS sparsevec)) < 0 {conditions}",
        order="heard <#> CAST(:weights AS sparsevec)",
    )
    scope = {"owner_id": owner_id, "stem": filters.stem, "limit": limit, "weights": sparse(weights)}
    return _hits(session, statement, {**scope, **values})


def sparse(weights: Mapping[int, float]) -> str:
    """Weights of labels, by id, as PostgreSQL reads a ``sparsevec``.

    >>> sparse({7: 1.0, 2: -0.5})
    '{2:-0.5,7:1.0}/1000000'
    """
    return "{" + ",".join(f"{label}:{weights[label]}" for label in sorted(weights)) + f"}}/{LABEL_DIMENSIONS}"


def _conditions(filters: Filters, labelled: str) -> tuple[str, dict[str, Any]]:
    """The conditions as SQL, and their values.

    Args:
        labelled: SQL that holds where a label is probable enough.
    """
    of_tracks, values = filters.of_tracks
    found = [of_tracks] if of_tracks else []
    for label, least in filters.labels.items():
        found.append(labelled.format(label=label))
        values |= {f"label_{label}": sparse({label: 1.0}), f"least_{label}": least}
    return "".join(f" AND {condition}" for condition in found), values


def _hits(session: Session, statement: str, values: Mapping[str, Any]) -> list[WindowHit]:
    typed = text(statement).columns(vector=HALFVEC(EMBEDDING_DIM), heard=SPARSEVEC(LABEL_DIMENSIONS))
    return [_hit(row) for row in session.execute(typed, values)]


def _hit(row: Any) -> WindowHit:
    found = zip(row.heard.indices(), row.heard.values(), strict=True)
    heard = {index + 1: value for index, value in found}
    vector = np.asarray(row.vector, np.float32)
    where = row.track_id, row.space_id, row.stem, row.position, row.start_s, row.end_s
    return WindowHit(*where, float(row.similarity), vector, heard)
