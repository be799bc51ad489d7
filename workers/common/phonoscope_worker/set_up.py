"""Sets up a worker's child: a failure ends the child, and each failure in a row delays the next attempt."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from time import sleep

from phonoscope.logs import get_logger
from phonoscope.retry import Backoff

SET_UP_BACKOFF = Backoff(first_s=1.0, factor=2.0, longest_s=30.0, attempts=5)
_STATE = struct.Struct("ii")
_FAILED = 1
_LAST_PAUSE_S = 1.0
_log = get_logger(__name__)


class ChildSetUp:
    """Counts failed set-ups of children, in memory that they share with their parent.

    A child that dies during its set-up, for example when memory runs out, counts as failed.
    """

    def __init__(self, backoff: Backoff = SET_UP_BACKOFF) -> None:
        self._memory = mmap.mmap(-1, _STATE.size)
        self._backoff = backoff

    @property
    def failures(self) -> int:
        """The number of failures in a row."""
        return self._read()[0]

    @property
    def attempts_exhausted(self) -> bool:
        """Whether no further attempt follows."""
        return not self._backoff.allows(self.failures)

    def run(self, load: Callable[[], None]) -> None:
        """Sets up the child, or logs the failure, pauses and ends the child. Called by the child."""
        _, died = self._read()
        if died:
            self._count_and_pause()
        if self.attempts_exhausted:
            # The parent is about to end: until then Celery starts one child after another.
            sleep(_LAST_PAUSE_S)
            os._exit(_FAILED)
        self._write(self.failures, during=True)
        try:
            load()
        except BaseException:  # noqa: BLE001 - Celery swallows what is raised here, and the child would take work
            _log.exception("worker.not_set_up", failures=self.failures + 1)
            self._count_and_pause()
            os._exit(_FAILED)
        self._write(0)

    def _count_and_pause(self) -> None:
        self._write(self.failures + 1)
        if not self.attempts_exhausted:
            # Before this child ends and not before the next attempt: Celery ends a worker whose child ends too soon.
            sleep(self._backoff.pause_s(self.failures))

    def _read(self) -> tuple[int, int]:
        failures, during = _STATE.unpack_from(self._memory, 0)
        return failures, during

    def _write(self, failures: int, *, during: bool = False) -> None:
        _STATE.pack_into(self._memory, 0, failures, during)
