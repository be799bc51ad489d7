"""Steps of the ladder of indexes, and what is found on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.search.filters import AnyLabel, Filters
from phonoscope.db.search.hits import WindowHit, _heard
from phonoscope.db.search.indexes import apply, changes, ready_index
from phonoscope.db.search.namespaces import Namespace, Of
from tests.integration.libraries import SPACE, Library

LARGE = 1_200
EXACT_ROWS = 1_000
QUANTISED_ROWS = {"hnsw": 1_000_000, "bits": 1_100}
AT_ONCE = timedelta(0)
_HEARD = text(
    """
    SELECT track_id, position, sparsevec_send(heard) AS heard FROM window_embeddings
    WHERE space_id = :space_id AND track_id = ANY(:tracks) AND stem = ''
    """
)
_NAMES = text("SELECT relname FROM pg_class WHERE relname LIKE 'near\\_%' ORDER BY relname")
APPLY = text(
    """
    INSERT INTO track_labels (track_id, model, position, labels, finished_at)
    SELECT id, 'birds', -1, '{wren}', now() FROM tracks WHERE owner_id = :owner_id AND id LIKE :ending
    ON CONFLICT DO NOTHING
    """
)
APPLIED = text("SELECT track_id FROM track_labels JOIN tracks ON tracks.id = track_id WHERE owner_id = :owner_id")


def climb(database: Database, exact_rows: int = EXACT_ROWS, quantised_rows: int = 1_000_000) -> list[str]:
    """Does what is to be done to the indexes, and says it."""
    with database.autocommit() as session:
        todo = changes(session, exact_rows=exact_rows, quantised_rows=quantised_rows)
        for change in todo:
            apply(session, change)
    return [f"{'make' if change.rung else 'drop'} {change.name}" for change in todo]


def namespace_of(library: Library, of: Of = Of.WINDOWS) -> Namespace:
    return Namespace(of, library.owner_id, library.space_id if of is Of.WINDOWS else SPACE.digest, "")


def rung_of(database: Database, namespace: Namespace) -> str:
    with database.transaction() as session:
        index = ready_index(session, namespace)
        return index.rung.name if index else "exact"


def index_names(database: Database) -> list[str]:
    with database.transaction() as session:
        return list(session.scalars(_NAMES))


def keys(rows: Sequence[Any]) -> list[tuple[str, int]]:
    return [(row.track_id, row.position) for row in rows]


@contextmanager
def sent_by(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent, with their values."""
    sent: list[tuple[str, Any]] = []
    listen = lambda _conn, _cursor, statement, values, *_: sent.append((statement, values))  # noqa: E731
    event.listen(session.get_bind(), "before_cursor_execute", listen)
    yield sent
    event.remove(session.get_bind(), "before_cursor_execute", listen)


def heard_in(session: Session, library: Library, hits: Sequence[WindowHit]) -> list[dict[int, float]]:
    """The probabilities of labels in windows that were found, by the labels' ids."""
    asked = {"space_id": library.space_id, "tracks": [hit.track_id for hit in hits]}
    rows = {(row.track_id, row.position): _heard(row.heard) for row in session.execute(_HEARD, asked)}
    return [rows[hit.track_id, hit.position] for hit in hits]


def filters_of(library: Library) -> dict[str, Filters]:
    rare, first, second, *_ = library.labels
    return {
        "none": Filters(),
        "a rare label": Filters(labels={rare: 0.5}),
        "a label of many": Filters(labels={first: 0.1}),
        "two labels": Filters(labels={first: 0.6, second: 0.6}),
        "short tracks": Filters(most_s=20.0),
        "long tracks": Filters(least_s=100.0),
        "one of two labels": Filters(any_of=[AnyLabel(frozenset({rare, first}), 0.7)]),
        "one of none": Filters(any_of=[AnyLabel(frozenset(), 0.7)]),
        "a kind": Filters(kinds=["music"]),
        "metadata": Filters(metadata={"a": 1}),
        "a label of all": Filters(labels={library.labels[-1]: 0.85}),
        "days": Filters(since=datetime(2026, 1, 5, tzinfo=UTC), until=datetime(2026, 2, 9, tzinfo=UTC)),
        "words": Filters(words="SOUND 3"),
        "words and a label": Filters(words="sound 3", labels={first: 0.5}),
        "nothing": Filters(least_s=1e6),
        "a label somewhere": Filters(any_of=[AnyLabel(frozenset({rare}), 0.5)], somewhere=True),
    }
