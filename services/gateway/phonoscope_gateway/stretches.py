"""Parts of recordings that the gateway has decoded, for as long as they are looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from numpy.typing import NDArray

from phonoscope.audio.stretch import Stretch
from phonoscope.errors import TooManyTiles
from phonoscope_gateway.threads import SharedThreads

Part = TypeVar("Part", Stretch, NDArray[Any])

_AT_ONCE, _EACH, _MOST_WAITING = 4, 2, 64
_MOST_BYTES = 96 << 20


def _refused(waiting: int) -> TooManyTiles:
    return TooManyTiles(f"{waiting} parts of recordings wait to be decoded for you; ask again when one has ended")


class Stretches:
    """Decodes each part once, however many ask for it, and keeps those that were asked for last, 96 MiB at most.

    An owner, or a shared link, has two decoded and drawn at a time; requests that wait hold no thread.
    """

    def __init__(self) -> None:
        self._threads = SharedThreads(_AT_ONCE, _EACH, _MOST_WAITING, _refused)
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._turns: dict[Hashable, tuple[Lock, int]] = {}
        self._lock = Lock()

    async def drawn(
        self, whose: str, key: Hashable, decode: Callable[[], Part], draw: Callable[[Part], bytes]
    ) -> bytes:
        """What is drawn of the part with this key; raises ``TooManyTiles``, and what ``decode`` and ``draw`` raise."""
        return await self._threads.run(whose, partial(self._draw, key, decode, draw))

    async def made(self, whose: str, make: Callable[[], bytes]) -> bytes:
        """What is made when it is somebody's turn, and not kept; raises ``TooManyTiles``, and what ``make`` raises."""
        return await self._threads.run(whose, make)

    def _draw(self, key: Hashable, decode: Callable[[], Part], draw: Callable[[Part], bytes]) -> bytes:
        with self._turn(key):
            found: Part | None = self._find(key)
            if found is None:
                found = decode()
                self._keep(key, found)
        return draw(found)

    @contextmanager
    def _turn(self, key: Hashable) -> Iterator[None]:
        """Lets those who ask for one part in one after the other."""
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

    def _find(self, key: Hashable) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Hashable, part: Stretch | NDArray[Any]) -> None:
        with self._lock:
            self._kept[key] = part
            while sum(_size_bytes(each) for each in self._kept.values()) > _MOST_BYTES:
                self._kept.popitem(last=False)


def _size_bytes(part: Stretch | NDArray[Any]) -> int:
    return part.size_bytes if isinstance(part, Stretch) else part.nbytes
