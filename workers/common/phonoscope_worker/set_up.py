"""The set-up of a worker's child: a failed one ends the child, and each failure in a row delays the next attempt."""

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
    """How often children failed to set themselves up, in memory that they share with their parent.

    A child that dies during its set-up, such as for want of memory, counts as one that failed.
    """

    def __init__(self, backoff: Backoff = SET_UP_BACKOFF) -> None:
        self._memory = mmap.mmap(-1, _STATE.size)
        self._backoff = backoff

    @property
    def failures(self) -> int:
        """In a row, the last one included."""
        return self._read()[0]

    @property
    def is_given_up(self) -> bool:
        """Whether no further attempt is worth making."""
        return not self._backoff.allows(self.failures)

    def run(self, load: Callable[[], None]) -> None:
        """Sets the child up, or logs why that failed, pauses and ends the child. Called by the child."""
        _, died = self._read()
        if died:
            self._count_and_pause()
        if self.is_given_up:
            # The parent is about to end: until then Celery puts one child after another in its place.
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
        if not self.is_given_up:
            # Before this child ends and not before the next attempt: Celery ends a worker whose child ends too soon.
            sleep(self._backoff.pause_s(self.failures))

    def _read(self) -> tuple[int, int]:
        failures, during = _STATE.unpack_from(self._memory, 0)
        return failures, during

    def _write(self, failures: int, *, during: bool = False) -> None:
        _STATE.pack_into(self._memory, 0, failures, during)
