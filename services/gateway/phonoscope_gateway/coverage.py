"""Remembers how much of large libraries can be searched, which takes long to count."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic

from phonoscope.db.search.stored import Covered

_MANY = 2_000
_KEPT_S = 60.0
_MOST_KEPT = 1_000


class Coverages:
    """Counts of libraries; those of thousands of tracks are up to a minute old."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Covered]] = {}
        self._lock = Lock()

    def of(self, key: Hashable, count: Callable[[], Covered]) -> Covered:
        """What was counted under a key a short time ago, else what ``count`` counts now."""
        with self._lock:
            known = self._kept.get(key)
        if known is not None and monotonic() - known[0] < _KEPT_S:
            return known[1]
        found = count()
        if found.embedded >= _MANY:
            with self._lock:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = monotonic(), found
        return found
