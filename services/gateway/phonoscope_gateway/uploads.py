"""Threads for uploads alone: no other route waits for them, and owners share them by turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from phonoscope.places import Places

Answer = TypeVar("Answer")

_THREADS = 24
_THREADS_EACH = 12
_MOST_WAITING = 64


class UploadThreads:
    """Runs what an upload needs besides its bytes: the probe, the store and the database.

    An owner has half of the threads at most, and at most 64 more uploads that wait for one.
    """

    def __init__(self) -> None:
        self._places = Places(_THREADS, _THREADS_EACH, _MOST_WAITING)
        self._limiter = CapacityLimiter(_THREADS)

    async def run(self, owner_id: str, call: Callable[[], Answer]) -> Answer:
        """Runs a call in a thread when it is the owner's turn. Raises ``TooManyUploads`` when too many of them wait."""
        async with self._places.held_by_task(owner_id):
            return await to_thread.run_sync(call, limiter=self._limiter)
