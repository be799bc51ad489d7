"""Statements that a connection plans once: to plan a long one takes PostgreSQL longer than to run it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session

from phonoscope.traces import note_statement

_VALUE = re.compile(r"(?<![:\w]):([a-z_]+)")
_KNOWN = "phonoscope_prepared"
PREPARATIONS = "phonoscope_preparations"
"""The execution option with the ``PREPARE`` statements, by name, that a statement needs."""


class Prepared:
    """Statements that are sent together; each sees what the one before it changed and waited for.

    Args:
        statements: SQL, in which ``:name`` stands for a value.
        types: of each value, as PostgreSQL names it; one of ``jsonb`` is given as what JSON can hold.

    Raises ``KeyError`` for a value without a type.
    """

    def __init__(self, *statements: str, types: Mapping[str, str]) -> None:
        self._preparations: dict[str, str] = {}
        used = {value for sql in statements for value in _VALUE.findall(sql)}
        self._json = [name for name in used if types[name] == "jsonb"]
        calls = []
        for sql in statements:
            values = list(dict.fromkeys(_VALUE.findall(sql)))
            name = "phonoscope_" + hashlib.sha256(sql.encode()).hexdigest()[:16]
            self._preparations[name] = (
                f"PREPARE {name}{_listed(types[value] for value in values)} AS {_numbered(sql, values)}"
            )
            note_statement(name, sql)
            calls.append(f"EXECUTE {name}{_listed(f'%({value})s' for value in values)}")
        self._calls = ";".join(calls)

    def execute(self, session: Session, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Runs them with these values; returns the result of the last one.

        Raises ``ValueError`` for a number that JSON cannot hold, before anything is sent.
        """
        return session.connection().exec_driver_sql(
            self._calls,
            {**values, **{name: json.dumps(values[name], allow_nan=False) for name in self._json}},
            {PREPARATIONS: self._preparations},
        )


def prepare(cursor: Any, info: MutableMapping[Any, Any], preparations: Mapping[str, str]) -> None:
    """Prepares those statements that this connection to the server has not prepared yet.

    Args:
        info: SQLAlchemy's dictionary of the connection, which is empty for a new one.
    """
    known: set[str] = info.setdefault(_KNOWN, set())
    for name in preparations.keys() - known:
        cursor.execute(preparations[name])
        known.add(name)


def _listed(words: Iterable[str]) -> str:
    joined = ", ".join(words)
    return f" ({joined})" if joined else ""


def _numbered(sql: str, values: list[str]) -> str:
    return _VALUE.sub(lambda found: f"${values.index(found[1]) + 1}", sql)
