"""The indexes of large namespaces: which there are, and how they are made and dropped while everything goes on.

An index is known by its name, which says its rung and its namespace: there is no list of them that could be wrong. One
whose making broke off is marked invalid by PostgreSQL, and is dropped and made again. One that takes the place of an
extension's that could not be made says so in its comment; it is tried again once the extension has another version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from phonoscope.db.search.namespaces import Namespace, Of
from phonoscope.db.search.rungs import BITS, EXACT_ROWS, QUANTISED_ROWS, RUNGS, Rung, ef_search, rung_for
from phonoscope.logs import get_logger

_log = get_logger(__name__)
_MEAN = re.compile(r"'(\[[^']*\])'")
_BYTES_A_ROW = 2_000
_LEAST_MEMORY_KB, _MOST_MEMORY_KB = 64 << 10, 1 << 20
_NAMED = r"^near_(windows|tracks)_[a-z]+_[0-9a-f]{20}$"

# Filters are applied after an index of pgvector: it goes on until enough rows have passed.
_READY = text(
    """
    SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL hnsw.max_scan_tuples = 20000;
    SET LOCAL hnsw.scan_mem_multiplier = 4; SET LOCAL hnsw.ef_search = :ef;
    SELECT relname, reltuples, pg_get_indexdef(oid) AS definition FROM pg_class JOIN pg_index ON indexrelid = oid
    WHERE relname = ANY(:names) AND relnamespace = current_schema::regnamespace AND indisvalid
    """
)
_ALL = text(
    """
    SELECT relname, indisvalid, obj_description(oid, 'pg_class') AS comment
    FROM pg_class JOIN pg_index ON indexrelid = oid
    WHERE relname ~ :named AND relnamespace = current_schema::regnamespace
    """
)
_EXTENSIONS = text("SELECT extname, extversion FROM pg_extension WHERE extname IN ('vector', 'vchord', 'vectorscale')")
# By indexes alone: the rows of all owners would be gigabytes.
_LARGE = {
    Of.WINDOWS: text(
        """
        SELECT owner_id, space_id, stem, count(*) AS rows FROM window_embeddings
        GROUP BY owner_id, space_id, stem HAVING count(*) >= :least ORDER BY owner_id, space_id, stem
        """
    ),
    Of.TRACKS: text(
        """
        SELECT owner_id, model_digest, stem, count(*) AS rows FROM embeddings
        WHERE vector IS NOT NULL
          AND owner_id IN (SELECT owner_id FROM embeddings GROUP BY owner_id HAVING count(*) >= :least)
        GROUP BY owner_id, model_digest, stem HAVING count(*) >= :least ORDER BY owner_id, model_digest, stem
        """
    ),
}


class Index(NamedTuple):
    """An index that searches may use.

    Args:
        rows: about how many vectors it has.
        mean: that of the namespace's vectors when it was made, as PostgreSQL writes it; empty where none is needed.
    """

    name: str
    rung: Rung
    rows: int
    mean: str

    def distance(self, vector: str) -> str:
        """What rows are ordered by, as SQL.

        Args:
            vector: SQL of what is asked about.
        """
        return self.rung.distance.format(mean=self.mean, vector=vector)


class Change(NamedTuple):
    """An index that is missing, with its rung and its namespace; one that is to go has neither."""

    name: str
    rung: Rung | None
    namespace: Namespace | None
    rows: int = 0


def ready_index(session: Session, namespace: Namespace, limit: int = 10) -> Index | None:
    """The index of a namespace, of its highest rung; ``None`` where it has none, or none is whole yet.

    In the same round trip the transaction gets the settings with which so many rows are searched.
    """
    names = {namespace.index_name(rung.name): rung for rung in RUNGS}
    rows = {row.relname: row for row in session.execute(_READY, {"names": list(names), "ef": ef_search(limit)})}
    for name, rung in reversed(names.items()):
        if (row := rows.get(name)) is not None:
            mean = _MEAN.search(row.definition) if "{mean}" in rung.method else None
            return Index(name, rung, max(0, int(row.reltuples)), mean[1] if mean else "")
    return None


def indexed_namespaces(session: Session, exact_rows: int = EXACT_ROWS) -> list[Namespace]:
    """The namespaces that have an index."""
    large = _large_namespaces(session, max(1, exact_rows // 2))
    return [namespace for namespace, _ in list(large) if ready_index(session, namespace) is not None]


def extensions(session: Session) -> dict[str, str]:
    """The versions of the extensions that can index vectors, as far as they are in this database."""
    return {row.extname: row.extversion for row in session.execute(_EXTENSIONS)}


def changes(session: Session, *, exact_rows: int = EXACT_ROWS, quantised_rows: int = QUANTISED_ROWS) -> list[Change]:
    """What is to be done to the indexes: those that nobody needs go first, then missing ones are made.

    An index goes once its namespace has less than half of the rows from which on it is made, and once the index of a
    higher rung is whole. One that is not whole goes too.
    """
    installed = extensions(session)
    valid = {row.relname: row.comment for row in session.execute(_ALL, {"named": _NAMED}) if row.indisvalid}
    kept: set[str] = set()
    missing: list[Change] = []
    for namespace, rows in _large_namespaces(session, max(1, exact_rows // 2)):
        wanted = rung_for(rows, installed, exact_rows, quantised_rows)
        enough = [wanted, rung_for(rows, installed, exact_rows // 2, quantised_rows // 2)]
        if valid.get(namespace.index_name(BITS.name)) in [_instead(rung, installed) for rung in enough if rung]:
            enough.append(BITS)
        there = [rung for rung in RUNGS if namespace.index_name(rung.name) in valid]
        if wanted is not None and not any(rung in enough for rung in there):
            missing.append(Change(namespace.index_name(wanted.name), wanted, namespace, rows))
            kept |= {namespace.index_name(rung.name) for rung in there}
        else:
            kept |= {namespace.index_name(rung.name) for rung in there if rung in enough}
    every = (row.relname for row in session.execute(_ALL, {"named": _NAMED}))
    return [*(Change(name, None, None) for name in sorted(every) if name not in kept), *missing]


def apply(session: Session, change: Change) -> None:
    """Makes an index, or drops one, while rows are read and written; it takes minutes for a million vectors.

    Where another extension than pgvector fails to make it, that of pgvector for as many vectors takes its place.

    Args:
        session: one whose statements are transactions of their own.
    """
    if change.rung is None or change.namespace is None:
        session.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {change.name}"))
        return
    try:
        _make(session, change.name, change.rung, change.namespace, change.rows)
    except DBAPIError as error:
        if change.rung.extension == BITS.extension:
            raise
        _log.warning("index.without_extension", extension=change.rung.extension, reason=str(error.orig))
        name = change.namespace.index_name(BITS.name)
        _make(session, name, BITS, change.namespace, change.rows)
        session.execute(text(f"COMMENT ON INDEX {name} IS '{_instead(change.rung, extensions(session))}'"))


def _instead(rung: Rung, installed: Mapping[str, str]) -> str:
    """The comment of an index that is there because this extension failed."""
    return f"in place of {rung.extension} {installed.get(rung.extension)}"


def _make(session: Session, name: str, rung: Rung, namespace: Namespace, rows: int) -> None:
    method = rung.method
    if "{mean}" in method:
        method = method.format(mean=_mean(session, namespace))
    memory_kb = min(_MOST_MEMORY_KB, max(_LEAST_MEMORY_KB, rows * _BYTES_A_ROW >> 10))
    # Parallel workers would need as much shared memory, of which a container has little.
    session.execute(text(f"SET maintenance_work_mem = {memory_kb}; SET max_parallel_maintenance_workers = 0"))
    try:
        made = f"{name} ON {namespace.of} USING {method} WHERE {namespace.condition('')}"
        session.execute(text(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {made}"), namespace.values)
    finally:
        session.execute(text("RESET maintenance_work_mem; RESET max_parallel_maintenance_workers"))


def _large_namespaces(session: Session, least: int) -> Iterator[tuple[Namespace, int]]:
    """The namespaces with at least so many vectors, and how many each has."""
    for of, statement in _LARGE.items():
        for owner_id, space, stem, rows in session.execute(statement, {"least": least}).all():
            yield Namespace(of, owner_id, space, stem), rows


def _mean(session: Session, namespace: Namespace) -> str:
    """The mean of a namespace's vectors, as PostgreSQL reads it."""
    statement = text(f"SELECT CAST(avg(v.vector) AS text) FROM {namespace.of} AS v WHERE {namespace.condition()}")  # noqa: S608
    return str(session.scalar(statement, namespace.values))
