"""Connections and transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from phonoscope.db.access.connections import autocommitting, make_engine
from phonoscope.db.access.failures import typed_errors
from phonoscope.errors import TransactionConflict
from phonoscope.logs import get_logger

Result = TypeVar("Result")
_log = get_logger(__name__)
_PAUSE_S = 0.05


class Database:
    """A pool of connections to one PostgreSQL database.

    Args:
        pool_size: how many connections stay open; under load there are up to four times as many.
    """

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self._engine = make_engine(url, pool_size)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction, committed on leaving, rolled back on an error.

        Raises:
            TransactionConflict: another transaction was in the way; nothing was changed.
            DatabaseUnavailable: the server cannot be reached or went away.
        """
        with typed_errors(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Session]:
        """Each statement is a transaction of its own: one round trip to the server, where ``transaction`` takes three.

        The first statement may run twice: it is repeated when the server closed the connection before it answered.

        Raises as ``transaction`` does.
        """
        with typed_errors(), self._sessions() as session:
            yield autocommitting(session)

    def retrying(self, body: Callable[[Session], Result], *, autocommit: bool = False) -> Result:
        """What the body returns from a transaction, or with ``autocommit`` from one statement.

        It runs once more, in a new transaction and after a moment in which the other one can go on, when another
        transaction was in its way: it must have no effect outside of the database.

        Raises:
            TransactionConflict: the second run failed likewise.
            DatabaseUnavailable: the server cannot be reached or went away.
        """
        begin = self.autocommit if autocommit else self.transaction
        try:
            with begin() as session:
                return body(session)
        except TransactionConflict as conflict:
            _log.warning("transaction.repeated", detail=conflict.detail)
        sleep(_PAUSE_S)
        with begin() as session:
            return body(session)

    def ping(self) -> str:
        """The version of pgvector. Raises ``DatabaseUnavailable``."""
        with self.autocommit() as session:
            version = session.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        return version or "absent"

    def close(self) -> None:
        self._engine.dispose()
