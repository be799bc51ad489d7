"""Streams in batches, and streams taken ahead of their use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
_PAUSE_S = 0.05


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of ``size`` items, the last one shorter; no item is taken before it is needed.

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch


@contextmanager
def taken_ahead(items: Iterable[Item], size: int, after: int = 0) -> Iterator[Iterator[Item]]:
    """The same items, of which another thread takes at most ``size`` before they are needed.

    The first ``after`` items are taken when they are needed: a short stream is done before a thread would help. At the
    end of the block nothing takes items any more. An error of ``items`` is raised where the next item is needed.

    >>> with taken_ahead("abcde", 2) as letters:
    ...     "".join(letters)
    'abcde'
    """
    taker = _Taker(items, size, after)
    try:
        if not after:
            taker.thread.start()
        yield taker.taken()
    finally:
        taker.stop()


class _Taker(Generic[Item]):
    """Takes items in a thread of its own; an item is held in a tuple, and an empty tuple is the end."""

    def __init__(self, items: Iterable[Item], size: int, after: int) -> None:
        self._items = iter(items)
        self._after = after
        self._held: Queue[tuple[Item] | tuple[()]] = Queue(size)
        self._stopped = Event()
        self._error: BaseException | None = None
        self.thread = Thread(target=self._take, name="taken-ahead", daemon=True)

    def taken(self) -> Iterator[Item]:
        for _ in range(self._after):
            try:
                item = next(self._items)
            except StopIteration:
                return
            yield item
        if self._after:
            self.thread.start()
        while entry := self._held.get():
            yield entry[0]
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self._stopped.set()
        while self.thread.is_alive():
            with suppress(Empty):
                self._held.get_nowait()
            self.thread.join(_PAUSE_S)

    def _take(self) -> None:
        try:
            for item in self._items:
                if not self._hold((item,)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that needs the items
            self._error = error
        self._hold(())

    def _hold(self, entry: tuple[Item] | tuple[()]) -> bool:
        """Waits for room; false when nothing is needed any more."""
        while not self._stopped.is_set():
            with suppress(Full):
                self._held.put(entry, timeout=_PAUSE_S)
                return True
        return False
