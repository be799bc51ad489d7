"""Connections and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from phonoscope.errors import DatabaseUnavailable

_CONNECT_TIMEOUT_S = 3
_POOL_TIMEOUT_S = 5


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self._engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size * 3,
            pool_timeout=_POOL_TIMEOUT_S,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "phonoscope"},
        )
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction, committed on leaving, rolled back on an error.

        Raises:
            DatabaseUnavailable: the server cannot be reached or went away.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise DatabaseUnavailable("PostgreSQL does not answer; nothing was changed") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable("the connection to PostgreSQL was lost; nothing was changed") from error
            raise

    def ping(self) -> str:
        """The version of pgvector. Raises ``DatabaseUnavailable``."""
        with self.transaction() as session:
            version = session.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        return version or "absent"

    def close(self) -> None:
        self._engine.dispose()
