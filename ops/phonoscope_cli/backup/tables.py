"""Rows out of a database and into an empty one, by ``COPY``: no program of PostgreSQL's own is needed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from graphlib import TopologicalSorter
from typing import Any, BinaryIO, cast

from psycopg2 import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.errors import BackupDamaged
from phonoscope_cli.backup.manifest import File, Table

_PASSING = frozenset({"alembic_version", "open_streams", "upload_pieces", "uploads", "user_sessions", "workers"})
"""Rows about processes that run, uploads under way and sessions that are open now, and the schema's revision."""
_COLUMNS = text(
    """
    SELECT relname AS name, array_agg(attname::text ORDER BY attnum) AS columns
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    GROUP BY relname ORDER BY relname
    """
)
_REFERENCES = text(
    """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid
    """
)
_SEQUENCES = text(
    """
    SELECT owned.relname, attname, quote_ident(sequences.relname)
    FROM pg_class AS sequences
    JOIN pg_depend ON objid = sequences.oid AND deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass
    JOIN pg_class AS owned ON owned.oid = refobjid
    JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE sequences.relkind = 'S' AND sequences.relnamespace = 'public'::regnamespace
    """
)


def dump_tables(session: Session, write: Callable[[str, BinaryIO], File]) -> list[Table]:
    """Writes each table's rows with ``write(name, file)``, all of the session's snapshot."""
    found = []
    for name, columns in session.execute(_COLUMNS).all():
        if name in _PASSING:
            continue
        file, count = _piped(partial(_dump, session, name, columns), partial(write, name))
        found.append(Table(name=name, columns=columns, rows=count, file=file))
    return found


def _piped(fill: Callable[[BinaryIO], int], drain: Callable[[BinaryIO], File]) -> tuple[File, int]:
    """What the two return: one thread writes what this one reads, so that nothing lies on a disk in between."""
    ends = os.pipe()

    def filling() -> int:
        with os.fdopen(ends[1], "wb") as target:
            return fill(target)

    with ThreadPoolExecutor(1) as thread:
        filled = thread.submit(filling)
        with os.fdopen(ends[0], "rb") as source:
            file = drain(source)
        return file, filled.result()


def _dump(session: Session, table: str, columns: Sequence[str], target: BinaryIO) -> int:
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1, mtime=0) as packed:
        return _copy(session, "COPY {} ({}) TO STDOUT (FORMAT binary)", table, columns, packed)


def load_tables(session: Session, tables: Sequence[Table], read: Callable[[Table], Any]) -> None:
    """Copies rows into tables that are empty, those that others refer to first; triggers do not run.

    Args:
        read: opens a table's file, as a context manager.

    Raises ``BackupDamaged`` when the tables are not those of the schema, or hold other rows than were noted.
    """
    there = {name: set(columns) for name, columns in session.execute(_COLUMNS).all()}
    for table in tables:
        if not set(table.columns) <= there.get(table.name, set()):
            raise BackupDamaged(f"table {table.name} is not one of the schema that the backup names")
    for table in _ordered(session, tables):
        _triggers(session, table.name, "DISABLE")
        with read(table) as file, gzip.GzipFile(fileobj=file, mode="rb") as rows:
            count = _copy(session, "COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, table.columns, rows)
        if count != table.rows:
            raise BackupDamaged(f"{count:,} rows of table {table.name} were read, {table.rows:,} were written")
    for table in tables:
        _triggers(session, table.name, "ENABLE")
    for name, column, sequence in session.execute(_SEQUENCES).all():
        statement = sql.SQL("SELECT setval({}, greatest(max({}), 1), max({}) IS NOT NULL) FROM {}").format(
            sql.Literal(sequence), sql.Identifier(column), sql.Identifier(column), sql.Identifier(name)
        )
        _cursor(session).execute(statement)


def _ordered(session: Session, tables: Sequence[Table]) -> list[Table]:
    by_name = {table.name: table for table in tables}
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in by_name})
    for of, to in session.execute(_REFERENCES).all():
        if of in by_name and to in by_name:
            order.add(of, to)
    return [by_name[name] for name in order.static_order()]


def _triggers(session: Session, table: str, switch: str) -> None:
    _cursor(session).execute(sql.SQL(f"ALTER TABLE {{}} {switch} TRIGGER USER").format(sql.Identifier(table)))


def _copy(session: Session, statement: str, table: str, columns: Sequence[str], file: gzip.GzipFile) -> int:
    cursor = _cursor(session)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor.copy_expert(sql.SQL(statement).format(sql.Identifier(table), names), file)
    return cast("int", cursor.rowcount)


def _cursor(session: Session) -> Any:
    return session.connection().connection.cursor()
