"""Wakes those who wait for a job: one database connection listens for all of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg2
from anyio import CapacityLimiter
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from sqlalchemy.engine import make_url

from phonoscope.db.jobs import JOB_CHANNEL, PROGRESS_CHANNEL
from phonoscope.logs import get_logger

_RECONNECT_S = 1.0
_READERS = 8
_CONNECTION: dict[str, Any] = {
    "application_name": "phonoscope-listener",
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""A server that vanished without a word is noticed within half a minute."""
_log = get_logger(__name__)


class JobListener:
    """Waiters by job id, woken by PostgreSQL's NOTIFY; a lost connection wakes all, so that nobody oversleeps.

    Whoever was woken looks by one of the ``readers``, so that a crowd does not keep others from their threads.
    """

    def __init__(self, database_url: str) -> None:
        self._dsn = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._waiters: dict[str, set[_Waiter]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self.readers = CapacityLimiter(_READERS)

    @contextmanager
    def waiting_for(self, job_id: str, *, progress: bool = False) -> Iterator[asyncio.Event]:
        """An event that is set when the job ends, with ``progress`` at any change, or when it may have."""
        waiter = _Waiter(progress)
        self._waiters[job_id].add(waiter)
        try:
            yield waiter.event
        finally:
            self._waiters[job_id].discard(waiter)
            if not self._waiters[job_id]:
                del self._waiters[job_id]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="job-listener")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                connection = await asyncio.to_thread(self._connect)
            except psycopg2.Error:
                await asyncio.sleep(_RECONNECT_S)
                continue
            try:
                self._wake_all()
                await self._listen(connection)
            except psycopg2.Error:
                _log.warning("listener.reconnecting")
            finally:
                connection.close()
            self._wake_all()
            await asyncio.sleep(_RECONNECT_S)

    def _connect(self) -> Any:
        connection = psycopg2.connect(self._dsn, **_CONNECTION)
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {JOB_CHANNEL}; LISTEN {PROGRESS_CHANNEL}")
        return connection

    async def _listen(self, connection: Any) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        descriptor = connection.fileno()
        loop.add_reader(descriptor, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                connection.poll()
                self._wake({notice.payload for notice in connection.notifies if notice.channel == JOB_CHANNEL})
                self._wake({notice.payload for notice in connection.notifies}, progress=True)
                connection.notifies.clear()
        finally:
            loop.remove_reader(descriptor)

    def _wake(self, job_ids: Collection[str], *, progress: bool = False) -> None:
        for job_id in job_ids:
            for waiter in self._waiters.get(job_id, ()):
                if waiter.progress or not progress:
                    waiter.event.set()

    def _wake_all(self) -> None:
        self._wake(list(self._waiters))


@dataclass(frozen=True, eq=False)
class _Waiter:
    progress: bool
    event: asyncio.Event = field(default_factory=asyncio.Event)
