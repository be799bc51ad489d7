"""What a failure of PostgreSQL means, by its SQLSTATE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from phonoscope.errors import DatabaseUnavailable, LockTimeout, TooManyConnections, TransactionConflict

_TOO_MANY = "53300"
_KINDS: dict[str | None, tuple[type[DatabaseUnavailable], str]] = {
    "40P01": (TransactionConflict, "there was a deadlock with another transaction"),
    "40001": (TransactionConflict, "another transaction changed the same rows"),
    "55P03": (LockTimeout, "a lock was not free within PostgreSQL's lock_timeout"),
    _TOO_MANY: (TooManyConnections, "PostgreSQL takes no more connections"),
}
# A refused connection has no SQLSTATE in psycopg2, only the server's words.
_TOO_MANY_WORDS = re.compile(r"too many (clients|connections)|connection slots are reserved")


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raises ``DatabaseUnavailable``, or one of its kinds, for failures that are not the statement's own."""
    try:
        yield
    except PoolTimeout as error:
        raise TooManyConnections("all of this process's connections are in use; nothing was changed") from error
    except DisconnectionError as error:
        raise DatabaseUnavailable("PostgreSQL does not answer; nothing was changed") from error
    except DBAPIError as error:
        known = _typed(error)
        if known is None:
            raise
        raise known from error


def _typed(error: DBAPIError) -> DatabaseUnavailable | None:
    state: str | None = getattr(error.orig, "pgcode", None)
    if state is None and _TOO_MANY_WORDS.search(str(error.orig)):
        state = _TOO_MANY
    if state in _KINDS:
        kind, what = _KINDS[state]
        return kind(f"{what} ({state}); nothing was changed")
    if error.connection_invalidated:
        return DatabaseUnavailable(
            "the connection to PostgreSQL was lost; whether the last change was kept is not known"
        )
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    if state is not None:
        return DatabaseUnavailable(f"PostgreSQL could not do it: {type(error.orig).__name__} ({state})")
    return DatabaseUnavailable("PostgreSQL does not answer; nothing was changed")
