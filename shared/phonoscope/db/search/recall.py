"""How much of what exact search finds the indexes find: nobody would notice when it falls."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.hits import vectors_of
from phonoscope.db.search.indexes import indexed_namespaces
from phonoscope.db.search.namespaces import Namespace, Of
from phonoscope.db.search.nearest import found_key, nearest_rows
from phonoscope.db.search.rungs import EXACT_ROWS

LEAST_RECALL = 0.95
"""What the settings of indexes are made for."""
_AT = 10
_QUERIES = 50
"""Of a space."""
_MOST_NAMESPACES = 25
_MOST_S = 60.0
"""For one namespace; the exact searches of a large one take seconds each."""

_ASKED = {
    Of.WINDOWS: """
        SELECT halfvec_send(v.vector) AS vector
        FROM (SELECT id FROM tracks WHERE owner_id = :owner_id ORDER BY random() LIMIT :queries) AS chosen
        CROSS JOIN LATERAL (
            SELECT v.vector FROM window_embeddings AS v WHERE v.track_id = chosen.id AND {namespace}
            ORDER BY random() LIMIT 1
        ) AS v
    """,
    Of.TRACKS: """
        SELECT halfvec_send(v.vector) AS vector FROM embeddings AS v WHERE {namespace} ORDER BY random() LIMIT :queries
    """,
}
_SPACES = text("SELECT id, model, digest, recall, recall_sample FROM spaces ORDER BY id")
_KEEP = text("UPDATE spaces SET recall = :recall, recall_sample = :queries, recall_at = now() WHERE id = :id")


class Recall(NamedTuple):
    """The recall of a space's searches.

    Args:
        recall: the share of the ten nearest that is found; 1 where all searches are exact, ``None`` until it is known.
        queries: how many were asked.
    """

    model: str
    digest: str
    recall: float | None
    queries: int


def recalls(session: Session) -> list[Recall]:
    """What was measured last, of every space."""
    return [Recall(row.model, row.digest, row.recall, row.recall_sample or 0) for row in session.execute(_SPACES)]


def measure_recall(
    database: Database, rest: Callable[[float], object], *, exact_rows: int = EXACT_ROWS, seed: int | None = None
) -> list[Recall]:
    """Measures the recall of every space and keeps it.

    The queries are vectors of the namespaces themselves; each is asked once by the index and once exactly.

    Args:
        rest: called after each query with the seconds that it took, so that others get their turn.
    """
    with database.transaction() as session:
        namespaces = indexed_namespaces(session, exact_rows)
        spaces = session.execute(_SPACES).all()
    for space in spaces:
        own = [namespace for namespace in namespaces if namespace.space in {space.id, space.digest}]
        chosen = random.Random(seed).sample(own, min(len(own), _MOST_NAMESPACES))  # noqa: S311 - of no secret
        shares = [
            share for namespace in chosen for share in _shares(database, namespace, _QUERIES // len(chosen) + 1, rest)
        ]
        recall = sum(shares) / len(shares) if shares else 1.0
        with database.transaction() as session:
            session.execute(_KEEP, {"id": space.id, "recall": recall, "queries": len(shares)})
    with database.transaction() as session:
        return recalls(session)


def _shares(database: Database, namespace: Namespace, queries: int, rest: Callable[[float], object]) -> Sequence[float]:
    """Of each query the share of the nearest that is found."""
    shares = []
    with database.transaction() as session:
        statement = text(_ASKED[namespace.of].format(namespace=namespace.condition()))
        asked = vectors_of(session.execute(statement, {**namespace.values, "queries": queries}).all())
    began = monotonic()
    for vector in asked:
        before = monotonic()
        if before - began > _MOST_S:
            break
        with database.transaction() as session:
            exact = nearest_rows(session, namespace, vector, Filters(stem=namespace.stem), _AT, exactly=True)
            found = nearest_rows(session, namespace, vector, Filters(stem=namespace.stem), _AT)
        if exact:
            known = {found_key(namespace, row) for row in found}
            shares.append(sum(found_key(namespace, row) in known for row in exact) / len(exact))
        rest(monotonic() - before)
    return shares
