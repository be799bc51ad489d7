"""One pool of connections for a process, in which those that the server has closed are replaced."""

from __future__ import annotations

import select
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExecuteStyle
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session

from phonoscope.db.access.prepared import PREPARATIONS, prepare

_CONNECT_TIMEOUT_S = 3
_POOL_TIMEOUT_S = 5
_TRUSTED_S = 2.0
_IDLE_IN_TRANSACTION_S = 120
"""After this long PostgreSQL ends a transaction whose process says nothing, and frees what it has locked.

An upload's transaction waits for the object store, which may take a minute to be found silent.
"""
_RETURNED_AT = "phonoscope_returned_at"
_USED = "phonoscope_used"


def make_engine(url: str, pool_size: int) -> Engine:
    """An engine whose connections are checked before they are used."""
    # By its module, in which OpenTelemetry puts one of its own where statements are traced.
    engine = sqlalchemy.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size * 3,
        pool_timeout=_POOL_TIMEOUT_S,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "phonoscope",
        },
    )
    event.listen(engine, "connect", _limit_idleness)
    _Liveness(engine)
    return engine


def autocommitting(session: Session) -> Session:
    """The same session, at its start, whose statements are then transactions of their own.

    The driver's switch costs nothing; SQLAlchemy's ``isolation_level`` would cost a statement at every return, and an
    engine with options of its own a slower dispatch of every event.
    """
    _driver(session.connection()).autocommit = True
    return session


def _limit_idleness(connection: Any, _record: Any) -> None:
    """By a statement: PgBouncer refuses connections that ask for it among their options, or overlooks it."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_IN_TRANSACTION_S}s'")
    connection.autocommit = False


class _Liveness:
    """Knows which connections cannot be trusted: those older than the last that was found closed."""

    def __init__(self, engine: Engine) -> None:
        self._lost_at = 0.0
        self._dialect: Any = engine.dialect
        event.listen(engine, "checkin", self._return)
        event.listen(engine, "checkout", self._check)
        # After SQLAlchemy's own first statements, whose connection has no dictionary.
        event.listen(engine, "connect", partial(self._watch_statements, engine), once=True)

    def _watch_statements(self, engine: Engine, _connection: Any, _record: Any) -> None:
        event.listen(engine, "do_execute", self._execute)
        event.listen(engine, "do_execute_no_params", self._execute_no_params)

    def _return(self, connection: Any, record: Any) -> None:
        record.info[_RETURNED_AT] = monotonic()
        if connection is not None and not connection.closed and connection.autocommit:
            connection.autocommit = False

    def _check(self, connection: Any, record: Any, _proxy: Any) -> None:
        """Asks the server only after a rest: one that ends closes its sockets, which shows without asking."""
        record.info.pop(_USED, None)
        returned_at = record.info.get(_RETURNED_AT)
        if returned_at is None:
            return
        if returned_at <= self._lost_at:
            raise _Gone
        if monotonic() - returned_at < _TRUSTED_S and _is_silent(connection):
            return
        try:
            self._dialect.do_ping(connection)
        except self._dialect.loaded_dbapi.Error as error:
            raise _Gone from error

    def _execute(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        self._send(cursor, context, lambda cursor: cursor.execute(statement, parameters))
        return True

    def _execute_no_params(self, cursor: Any, statement: str, context: Any) -> bool:
        self._send(cursor, context, lambda cursor: cursor.execute(statement))
        return True

    def _send(self, cursor: Any, context: Any, send: Callable[[Any], None]) -> None:
        """Sends a statement; the first on a connection goes to a new one when the server has closed this one.

        The end of a connection may arrive after the check. Nothing was sent before the first statement, so that
        nothing is lost with the connection.
        """
        connection: Connection = context.root_connection
        is_first = not connection.info.get(_USED)
        connection.info[_USED] = True
        try:
            _send_prepared(cursor, connection, context, send)
        except self._dialect.loaded_dbapi.Error as error:
            repeatable = is_first and context.execute_style is not ExecuteStyle.INSERTMANYVALUES
            if not repeatable or not self._dialect.is_disconnect(error, _driver(connection), cursor):
                raise
            self._lost_at = monotonic()
            context.cursor = _replace(connection, error)
            _send_prepared(context.cursor, connection, context, send)


def _send_prepared(cursor: Any, connection: Connection, context: Any, send: Callable[[Any], None]) -> None:
    prepare(cursor, connection.info, context.execution_options.get(PREPARATIONS, {}))
    send(cursor)


def _replace(connection: Connection, error: BaseException) -> Any:
    """Gives the connection another one to the server; returns its cursor."""
    autocommit = _driver(connection).autocommit
    connection.connection.invalidate(error)
    connection._dbapi_connection = connection.engine.raw_connection()  # noqa: SLF001 - as SQLAlchemy does itself
    connection.info[_USED] = True
    _driver(connection).autocommit = autocommit
    return connection.connection.cursor()


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _is_silent(connection: Any) -> bool:
    """Whether nothing has come from the server: neither an error nor the end of the stream."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


class _Gone(DisconnectionError):
    """The connection is closed, and so are the others: the pool makes new ones."""

    invalidate_pool = True
