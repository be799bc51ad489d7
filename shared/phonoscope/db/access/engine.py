"""Connections and transactions."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from phonoscope.errors import DatabaseUnavailable

_CONNECT_TIMEOUT_S = 3
_POOL_TIMEOUT_S = 5
_TRUSTED_S = 2.0
_RETURNED_AT = "phonoscope_returned_at"


class Database:
    """Pools of connections to one PostgreSQL database."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self._engine = _engine(url, pool_size)
        self._autocommit = _engine(url, pool_size, isolation_level="AUTOCOMMIT")
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        self._autocommit_sessions = sessionmaker(self._autocommit, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction, committed on leaving, rolled back on an error.

        Raises:
            DatabaseUnavailable: the server cannot be reached or went away.
        """
        with _translated(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Session]:
        """Each statement is a transaction of its own: for one statement, a third of the ways to the server and back.

        Raises:
            DatabaseUnavailable: the server cannot be reached or went away.
        """
        with _translated(), self._autocommit_sessions() as session:
            yield session

    def ping(self) -> str:
        """The version of pgvector. Raises ``DatabaseUnavailable``."""
        with self.autocommit() as session:
            version = session.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        return version or "absent"

    def close(self) -> None:
        self._engine.dispose()
        self._autocommit.dispose()


def _engine(url: str, pool_size: int, **options: Any) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size * 3,
        pool_timeout=_POOL_TIMEOUT_S,
        connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "phonoscope"},
        **options,
    )
    _check_before_use(engine)
    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, DisconnectionError) as error:
        raise DatabaseUnavailable("PostgreSQL does not answer; nothing was changed") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable("the connection to PostgreSQL was lost; nothing was changed") from error
        raise


def _check_before_use(engine: Engine) -> None:
    """Replaces connections whose server is gone, without asking it each time: a server that ends closes its sockets."""

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info[_RETURNED_AT] = monotonic()

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: Any, _proxy: Any) -> None:
        returned_at = record.info.get(_RETURNED_AT)
        if returned_at is None or (monotonic() - returned_at < _TRUSTED_S and _is_silent(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise _Gone from error


def _is_silent(connection: Any) -> bool:
    """Whether nothing has come from the server: neither its farewell nor the end of the stream."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


class _Gone(DisconnectionError):
    """The connection is dead, and so are the others: the pool makes new ones."""

    invalidate_pool = True
