"""Threads for one kind of work alone: no other route waits for them, and owners share them by turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from phonoscope.errors import PhonoscopeError, TooManyRequests, TooManySearches, TooManyUploads
from phonoscope.places import Places

Answer = TypeVar("Answer")


class SharedThreads:
    """Runs calls of many owners in a number of threads. Made in any thread, used in an event loop.

    Args:
        total: the number of threads.
        each: the most that one owner has at a time.
        most_waiting: the most calls of one owner that wait for one.
        refused: the error for one more, of their number.
    """

    def __init__(self, total: int, each: int, most_waiting: int, refused: Callable[[int], PhonoscopeError]) -> None:
        self._places = Places(total, each, most_waiting, refused)
        self._limiter = CapacityLimiter(total)

    async def run(self, owner_id: str, call: Callable[[], Answer]) -> Answer:
        """Runs a call in a thread when it is the owner's turn. Raises ``refused`` when too many of them wait."""
        async with self._places.held_by_task(owner_id):
            return await to_thread.run_sync(call, limiter=self._limiter)


def upload_threads() -> SharedThreads:
    """For what an upload needs besides its bytes: the probe, the store and the database."""

    def refused(waiting: int) -> PhonoscopeError:
        return TooManyUploads(f"{waiting} uploads of yours wait to be read; send this one again later")

    return SharedThreads(24, 12, 64, refused)


def example_threads() -> SharedThreads:
    """For the synthesis of examples, each of which is made once."""

    def refused(waiting: int) -> PhonoscopeError:
        return TooManyRequests(f"{waiting} examples are being made for you; ask again when one of them is there")

    return SharedThreads(2, 1, 8, refused)


def search_threads() -> SharedThreads:
    """For searches, each of which keeps a processor busy and holds a connection to the database."""

    def refused(waiting: int) -> PhonoscopeError:
        return TooManySearches(f"{waiting} searches of yours wait; ask again when one of them has ended")

    return SharedThreads(12, 6, 32, refused)
