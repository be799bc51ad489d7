"""Sets up a worker's child: a failure ends the child, and each failure in a row delays the next attempt."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from enum import IntEnum
from time import sleep

from phonoscope.logs import get_logger
from phonoscope.retry import Backoff

SET_UP_BACKOFF = Backoff(first_s=1.0, factor=2.0, longest_s=30.0, attempts=5)
_STATE = struct.Struct("ii")
_FAILED = 1
_LAST_PAUSE_S = 1.0
_log = get_logger(__name__)


class Phase(IntEnum):
    """How far the present child is."""

    FORKED = 0
    """It has not begun its set-up, or has ended it."""
    LOADING = 1
    PAUSING = 2
    """After a failure, before it ends."""
    ANNOUNCING = 3
    """It waits for the database."""


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
    def phase(self) -> Phase:
        return self._read()[1]

    @property
    def attempts_exhausted(self) -> bool:
        """Whether no further attempt follows."""
        return not self._backoff.allows(self.failures)

    def run(self, load: Callable[[], None], announce: Callable[[], None] = lambda: None) -> None:
        """Sets up the child, or logs the failure, pauses and ends the child. Called by the child.

        Args:
            load: loads what the child needs from this machine.
            announce: makes the child known; it may wait for the database without end.
        """
        if self.phase in (Phase.LOADING, Phase.ANNOUNCING):
            self._count_and_pause()
        if self.attempts_exhausted:
            # The parent is about to end: until then Celery starts one child after another.
            sleep(_LAST_PAUSE_S)
            os._exit(_FAILED)
        try:
            self._write(self.failures, Phase.LOADING)
            load()
            self._write(self.failures, Phase.ANNOUNCING)
            announce()
        except BaseException:  # noqa: BLE001 - Celery swallows what is raised here, and the child would take work
            _log.exception("worker.not_set_up", failures=self.failures + 1)
            self._count_and_pause()
            os._exit(_FAILED)
        self._write(0)

    def _count_and_pause(self) -> None:
        self._write(self.failures + 1, Phase.PAUSING)
        if not self.attempts_exhausted:
            # Before this child ends and not before the next attempt: Celery ends a worker whose child ends too soon.
            sleep(self._backoff.pause_s(self.failures))

    def _read(self) -> tuple[int, Phase]:
        failures, phase = _STATE.unpack_from(self._memory, 0)
        return failures, Phase(phase)

    def _write(self, failures: int, phase: Phase = Phase.FORKED) -> None:
        _STATE.pack_into(self._memory, 0, failures, phase)
