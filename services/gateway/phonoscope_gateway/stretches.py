"""Stretches of recordings that the gateway has decoded, for as long as they are looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

from phonoscope.audio.stretch import Stretch
from phonoscope.errors import TooManyTiles
from phonoscope_gateway.threads import SharedThreads

_AT_ONCE, _EACH, _MOST_WAITING = 4, 2, 64
_MOST_BYTES = 96 << 20


def _refused(waiting: int) -> TooManyTiles:
    return TooManyTiles(f"{waiting} parts of recordings wait to be decoded for you; ask again when one has ended")


class Stretches:
    """Decodes each stretch once, however many ask for it, and keeps those that were asked for last, 96 MiB at most.

    An owner decodes two at a time; requests that wait hold no thread.
    """

    def __init__(self) -> None:
        self._threads = SharedThreads(_AT_ONCE, _EACH, _MOST_WAITING, _refused)
        self._kept: OrderedDict[Hashable, Stretch] = OrderedDict()
        self._turns: dict[Hashable, tuple[Lock, int]] = {}
        self._lock = Lock()

    async def get(self, owner_id: str, key: Hashable, decode: Callable[[], Stretch]) -> Stretch:
        """The stretch with this key; raises ``TooManyTiles``, and what ``decode`` raises."""
        found = self._find(key)
        if found is not None:
            return found
        return await self._threads.run(owner_id, partial(self._decoded, key, decode))

    def _decoded(self, key: Hashable, decode: Callable[[], Stretch]) -> Stretch:
        with self._turn(key):
            found = self._find(key)
            if found is None:
                found = decode()
                self._keep(key, found)
            return found

    @contextmanager
    def _turn(self, key: Hashable) -> Iterator[None]:
        """Lets those who ask for one stretch in one after the other."""
        with self._lock:
            turn, waiting = self._turns.get(key, (Lock(), 0))
            self._turns[key] = turn, waiting + 1
        try:
            with turn:
                yield
        finally:
            with self._lock:
                _, waiting = self._turns.pop(key)
                if waiting > 1:
                    self._turns[key] = turn, waiting - 1

    def _find(self, key: Hashable) -> Stretch | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Hashable, stretch: Stretch) -> None:
        with self._lock:
            self._kept[key] = stretch
            while len(self._kept) > 1 and sum(each.size_bytes for each in self._kept.values()) > _MOST_BYTES:
                self._kept.popitem(last=False)
