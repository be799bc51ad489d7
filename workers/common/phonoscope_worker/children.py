"""The children of Celery's prefork pool, as the guardian in their parent sees them."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any

import psutil

_LOOP_RUNS_WITHIN_S = 2.0


class Children:
    """The pool's processes, once Celery has started them."""

    def __init__(self) -> None:
        self._worker: Any = None
        self._asked = False
        self._answered_at = -_LOOP_RUNS_WITHIN_S

    def attach(self, worker: Any) -> None:
        """Notes Celery's worker, whose pool and event loop it makes later."""
        self._worker = worker

    @property
    def started(self) -> bool:
        """Whether the pool has had its first child."""
        return self._pool is not None

    @property
    def loop_runs(self) -> bool:
        """Whether Celery's loop has answered ``maintain`` lately; it does not while the broker is away."""
        return monotonic() - self._answered_at < _LOOP_RUNS_WITHIN_S

    @property
    def living(self) -> list[int]:
        """The process ids of the children that have not died."""
        return [pid for pid in self._pids("_pool") if is_alive(pid)]

    @property
    def unannounced(self) -> set[int]:
        """The process ids of the children of which Celery does not know yet that they take work."""
        return self._pids("_waiting_to_start")

    def maintain(self) -> None:
        """Makes Celery's loop replace dead children now.

        Celery looks for them when a child's pipe closes, which may be a moment before the child can be waited for; then
        it would look again 5 s later.
        """
        if self.started and not self._asked:
            self._asked = True
            self._worker.hub.call_soon(self._maintain)

    @property
    def _pool(self) -> Any:
        return getattr(getattr(self._worker, "pool", None), "_pool", None)

    def _pids(self, what: str) -> set[int]:
        # Celery changes these in another thread, and has no public names for them.
        return {process.pid for process in list(getattr(self._pool, what, ()))}

    def _maintain(self) -> None:
        self._asked, self._answered_at = False, monotonic()
        # A loop that closes runs what was asked of it, after the pool has gone.
        if self.started:
            self._pool.maintain_pool()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
