"""Wakes requests that wait for a job; one database connection receives notifications for all of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field

from anyio import CapacityLimiter

from phonoscope.db.access.channels import JOB_CHANNEL, PROGRESS_CHANNEL
from phonoscope.db.access.listeners import Listener
from phonoscope.db.access.notifications import listen
from phonoscope_gateway.background import in_background

_READERS = 8


class JobListener:
    """Waiting requests by job id, woken by PostgreSQL's NOTIFY; a lost connection wakes all of them.

    A woken request reads the job in one of the ``readers``, so that threads are left for other requests.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._waiters: dict[str, set[_Waiter]] = defaultdict(set)
        self.readers = CapacityLimiter(_READERS)

    @contextmanager
    def waiting_for(self, job_id: str, *, progress: bool = False) -> Iterator[asyncio.Event]:
        """An event that is set when the job has or may have ended; with ``progress``, at any change."""
        waiter = _Waiter(progress)
        self._waiters[job_id].add(waiter)
        try:
            yield waiter.event
        finally:
            self._waiters[job_id].discard(waiter)
            if not self._waiters[job_id]:
                del self._waiters[job_id]

    def listening(self) -> AbstractAsyncContextManager[None]:
        """Receives notifications for as long as the context lasts."""
        channels = (JOB_CHANNEL, PROGRESS_CHANNEL)
        work = listen(self._database_url, Listener.GATEWAY, channels, self._on_notifications, self._wake_all)
        return in_background(work, "job-listener")

    def _on_notifications(self, notices: Collection[tuple[str, str]]) -> None:
        self._wake({job_id for channel, job_id in notices if channel == JOB_CHANNEL})
        self._wake({job_id for _, job_id in notices}, progress=True)

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
