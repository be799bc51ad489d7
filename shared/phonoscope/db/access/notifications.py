"""PostgreSQL's notifications (``LISTEN``), for an event loop."""

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
"""Keepalives notice within half a minute that the server is gone without closing the connection."""
_log = get_logger(__name__)


async def listen(
    database_url: str,
    name: str,
    channels: Collection[str],
    received: Callable[[Collection[tuple[str, str]]], None],
    interrupted: Callable[[], None],
) -> None:
    """Receives notifications until cancelled, on a connection of its own that is made again when it is lost.

    Args:
        name: the connection's ``application_name`` on the server.
        received: is given the channel and the payload of each notification, as they come.
        interrupted: is called whenever the connection was made or lost, since notifications may have been missed.
    """
    dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await asyncio.to_thread(_connect, dsn, name, channels)
        except psycopg2.Error:
            await asyncio.sleep(_RECONNECT_S)
            continue
        try:
            interrupted()
            await _receive(connection, received)
        except psycopg2.Error:
            _log.warning("listener.reconnecting", name=name)
        finally:
            connection.close()
        interrupted()
        await asyncio.sleep(_RECONNECT_S)


def _connect(dsn: str, name: str, channels: Collection[str]) -> Any:
    connection = psycopg2.connect(dsn, application_name=name, **_CONNECTION)
    connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with connection.cursor() as cursor:
        cursor.execute(";".join(f"LISTEN {channel}" for channel in channels))
    return connection


async def _receive(connection: Any, received: Callable[[Collection[tuple[str, str]]], None]) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            connection.poll()
            received([(each.channel, each.payload) for each in connection.notifies])
            connection.notifies.clear()
    finally:
        loop.remove_reader(descriptor)
