"""Tells whether a child that was forked, and has not beaten yet, hangs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import psutil

from phonoscope_worker.set_up import ChildSetUp, Phase

SET_UP_LIMIT_S = 150.0
"""Seconds that a set-up may take, without the time in which it waits for the database."""
STILL_S = 3.0
"""Seconds without any work after which a set-up hangs."""
_MOVES_S = 0.03
_AT_WORK = frozenset({psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP})


@dataclass
class _Seen:
    pid: int
    since: float
    moved_at: float
    cpu_s: float


class NewbornWatch:
    """Watches one child from its fork to its first beat; nothing that the child must do is needed for it.

    A child that was forked while another thread held a lock, or whose threads wait for each other, uses no processor
    time and reads no disk.
    """

    def __init__(self, set_up: ChildSetUp, still_s: float = STILL_S, limit_s: float = SET_UP_LIMIT_S) -> None:
        self._set_up = set_up
        self._still_s = still_s
        self._limit_s = limit_s
        self._seen: _Seen | None = None

    def why_hung(self, pid: int) -> str | None:
        """Why this child must be killed; ``None`` while it makes progress. To be called several times a second."""
        now, (cpu_s, at_work) = monotonic(), _activity(pid)
        seen = self._seen
        if seen is None or seen.pid != pid or self._set_up.phase in (Phase.PAUSING, Phase.ANNOUNCING):
            self._seen = _Seen(pid, now, now, cpu_s)
            return None
        if at_work or cpu_s - seen.cpu_s >= _MOVES_S:
            seen.moved_at, seen.cpu_s = now, cpu_s
        if now - seen.moved_at > self._still_s:
            return f"it has done nothing for {self._still_s:.0f} s"
        if now - seen.since > self._limit_s:
            return f"it takes more than {self._limit_s:.0f} s"
        return None


def _activity(pid: int) -> tuple[float, bool]:
    """The processor time that all threads have used, in seconds, and whether the first is running or reads a disk."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        times = process.cpu_times()
        return times.user + times.system, process.status() in _AT_WORK
    return 0.0, True
