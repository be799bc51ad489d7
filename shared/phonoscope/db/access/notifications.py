"""PostgreSQL's notices (``LISTEN``), for an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from sqlalchemy.engine import make_url

from phonoscope.logs import get_logger

_RECONNECT_S = 1.0
_CONNECTION: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""A server that vanished without a word is noticed within half a minute."""
_log = get_logger(__name__)


async def listen(
    database_url: str,
    name: str,
    channels: Collection[str],
    heard: Callable[[Collection[tuple[str, str]]], None],
    missed: Callable[[], None],
) -> None:
    """Listens on a connection of its own, which is made anew when it is lost, until cancelled.

    Args:
        name: of the connection, for whoever looks at the server's.
        heard: given the channel and the payload of each notice, as they come.
        missed: called whenever the connection has been made or lost, since some may not have been heard.
    """
    dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await asyncio.to_thread(_connect, dsn, name, channels)
        except psycopg2.Error:
            await asyncio.sleep(_RECONNECT_S)
            continue
        try:
            missed()
            await _pass_on(connection, heard)
        except psycopg2.Error:
            _log.warning("listener.reconnecting", name=name)
        finally:
            connection.close()
        missed()
        await asyncio.sleep(_RECONNECT_S)


def _connect(dsn: str, name: str, channels: Collection[str]) -> Any:
    connection = psycopg2.connect(dsn, application_name=name, **_CONNECTION)
    connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with connection.cursor() as cursor:
        cursor.execute(";".join(f"LISTEN {channel}" for channel in channels))
    return connection


async def _pass_on(connection: Any, heard: Callable[[Collection[tuple[str, str]]], None]) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            connection.poll()
            heard([(notice.channel, notice.payload) for notice in connection.notifies])
            connection.notifies.clear()
    finally:
        loop.remove_reader(descriptor)
