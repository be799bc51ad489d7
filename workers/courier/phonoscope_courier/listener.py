"""Wakes whoever waits for events: one database connection listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from sqlalchemy.engine import make_url

from phonoscope.db.jobs import EVENT_CHANNEL
from phonoscope.logs import get_logger

_RECONNECT_S = 1.0
_log = get_logger(__name__)


async def listen(database_url: str, wake: Callable[[], None]) -> None:
    """Calls ``wake`` at every new event, and when some may have been missed, until it is cancelled."""
    dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await asyncio.to_thread(_connect, dsn)
        except psycopg2.Error:
            await asyncio.sleep(_RECONNECT_S)
            continue
        try:
            wake()
            await _pass_on(connection, wake)
        except psycopg2.Error:
            _log.warning("events.listening_again")
        finally:
            connection.close()
        await asyncio.sleep(_RECONNECT_S)


def _connect(dsn: str) -> Any:
    connection = psycopg2.connect(dsn, connect_timeout=3, application_name="phonoscope-events")
    connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {EVENT_CHANNEL}")
    return connection


async def _pass_on(connection: Any, wake: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            connection.poll()
            connection.notifies.clear()
            wake()
    finally:
        loop.remove_reader(descriptor)
