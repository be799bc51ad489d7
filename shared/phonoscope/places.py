"""Places that owners share: whoever holds few of them is let in first, and nobody holds them all."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from threading import Lock

from phonoscope.errors import PhonoscopeError, TooManyUploads


class Places:
    """A number of places that threads, or tasks of an event loop, hold for a while.

    Owners who wait take turns, so that a thousand requests of one owner do not hold up one request of another.

    Args:
        total: the number of places.
        each: the most that one owner holds at a time.
        most_waiting: the most requests of one owner that wait; ``None`` for any number.
        refusal: what one more than that is refused with.
    """

    def __init__(
        self,
        total: int,
        each: int,
        most_waiting: int | None = None,
        refusal: type[PhonoscopeError] = TooManyUploads,
    ) -> None:
        self._refusal = refusal
        self._free = total
        self._each = each
        self._most_waiting = most_waiting
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[Future[None]]] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def held(self, owner: str) -> Iterator[None]:
        """Waits for a place and holds it. Raises the refusal when too many requests of the owner wait."""
        place = self._ask(owner)
        try:
            place.result()
            yield
        finally:
            self._leave(owner, place)

    @asynccontextmanager
    async def held_by_task(self, owner: str) -> AsyncIterator[None]:
        """The same for a task of an event loop, which may be cancelled while it waits."""
        place = self._ask(owner)
        try:
            if not place.done():
                await asyncio.wrap_future(place)
            yield
        finally:
            self._leave(owner, place)

    def _ask(self, owner: str) -> Future[None]:
        with self._lock:
            waiting = len(self._waiting.get(owner, ()))
            if self._most_waiting is not None and waiting >= self._most_waiting:
                raise self._refusal(f"{waiting} requests of yours wait for their turn; send this one again later")
            place: Future[None] = Future()
            self._waiting.setdefault(owner, deque()).append(place)
            self._let_in()
        return place

    def _leave(self, owner: str, place: Future[None]) -> None:
        with self._lock:
            if place.cancel():
                self._forget(owner, place)
            else:
                self._free += 1
                self._held[owner] -= 1
                self._held += Counter()
            self._let_in()

    def _forget(self, owner: str, place: Future[None]) -> None:
        waiting = self._waiting.get(owner)
        if waiting and place in waiting:
            waiting.remove(place)
            if not waiting:
                del self._waiting[owner]

    def _let_in(self) -> None:
        while self._free and (owner := self._next()) is not None:
            waiting = self._waiting[owner]
            place = waiting.popleft()
            if waiting:
                self._waiting.move_to_end(owner)
            else:
                del self._waiting[owner]
            if place.set_running_or_notify_cancel():
                self._free -= 1
                self._held[owner] += 1
                place.set_result(None)

    def _next(self) -> str | None:
        """The owner with the fewest places, of those who wait; the one who has waited longest for a turn, of equals."""
        able = (owner for owner in self._waiting if self._held[owner] < self._each)
        return min(able, key=self._held.__getitem__, default=None)
