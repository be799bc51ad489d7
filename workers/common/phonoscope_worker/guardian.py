"""A thread in a worker's parent that watches the child from its fork: a dead or hung child is replaced at once.

Its tasks are handed back. When no child comes any more, the worker's process ends, and whatever keeps it alive starts
another.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

import psutil
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.service.workers import remove_worker
from phonoscope.db.tasks.requeue import hand_back, leases_of
from phonoscope.errors import OutOfMemory, TaskFailed, TimedOut, Unavailable, WorkerLost
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.settings import Settings
from phonoscope.states import Pool, TaskQueue
from phonoscope.waker import Waker
from phonoscope_worker.children import Children, is_alive
from phonoscope_worker.heartbeat import worker_id
from phonoscope_worker.newborn import NewbornWatch
from phonoscope_worker.set_up import ChildSetUp

HUNG_AFTER_S = 30.0
STOPPED_AFTER_S = 3.0
"""Seconds without a beat after which a child that a signal has stopped is killed."""
CHILDLESS_AFTER_S = 5.0
"""Seconds without a child after which the worker's process ends."""
UNHEARD_AFTER_S = 3.0
"""Seconds after which a child is killed that beats, but of which Celery does not know that it takes work."""
DRAIN_S = 25.0
"""Seconds for which a child may continue after its worker must stop; then its tasks are handed back."""
_CHECK_EVERY_S = 0.5
_FAILED = 1
_PULSE = struct.Struct("qd")
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
_log = get_logger(__name__)


class Pulse:
    """A child's process id and last heartbeat, in memory that it shares with its parent."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _PULSE.size)

    def beat(self) -> None:
        """Called by the child."""
        _PULSE.pack_into(self._memory, 0, os.getpid(), monotonic())

    def read(self) -> tuple[int, float]:
        """The process and the time of its last beat, by the monotonic clock in seconds; zeros before the first."""
        pid, at = _PULSE.unpack_from(self._memory, 0)
        return pid, at

    def clear(self) -> None:
        _PULSE.pack_into(self._memory, 0, 0, 0.0)


class Guardian:
    """Kills a child that hangs, hands back the tasks of a dead child, and sees to it that another one comes.

    Args:
        set_up: the set-up of the worker's children; when its attempts are exhausted, the guardian stops the worker.
        stop: makes the worker end soon.
    """

    def __init__(self, pool: Pool, settings: Settings, set_up: ChildSetUp, stop: Callable[[], None]) -> None:
        self.pulse = Pulse()
        self.children = Children()
        self._newborn = NewbornWatch(set_up)
        self._beaten: int | None = None
        self._childless_since: float | None = None
        self._unheard_since: float | None = None
        self._set_up = set_up
        self._stop = stop
        self._pool = pool
        self._settings = settings
        self._kills = _count_memory_kills()
        self._stop_by: float | None = None
        self._hung: int | None = None
        self._gave_up = False
        self._at_work = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="guardian", daemon=True)

    def start(self) -> None:
        """Starts the watch. Called once, by the parent, before it forks a child."""
        # A child forked while the thread holds a lock, such as an import's, would wait for that lock for ever.
        at_work = self._at_work
        os.register_at_fork(before=at_work.acquire, after_in_parent=at_work.release, after_in_child=at_work.release)
        self._thread.start()

    def drain(self) -> None:
        """Notes that the worker must stop: its child may finish its tasks within ``DRAIN_S`` seconds."""
        self._stop_by = monotonic() + DRAIN_S

    def _run(self) -> None:
        stop, last = threading.Event(), monotonic()
        while not stop.wait(_CHECK_EVERY_S):
            was_asleep = monotonic() - last > 4 * _CHECK_EVERY_S
            last = monotonic()
            # After a pause of the whole worker its child needs a moment to beat again.
            if was_asleep:
                continue
            try:
                with self._at_work:
                    self._check()
            except Exception:  # noqa: BLE001 - the watch must not end for anything
                _log.exception("worker.watch_failed", pool=self._pool)

    def _check(self) -> None:
        if self._set_up.attempts_exhausted:
            self._give_up()
            return
        pid, beaten_at = self.pulse.read()
        # A child whose place another has taken meanwhile has overwritten its pulse.
        for known in {pid, self._beaten} - {0, None}:
            if known is not None and not is_alive(known):
                self._handle_dead_child(known)
        self._beaten = pid if pid and is_alive(pid) else None
        if self._beaten is not None:
            self._check_beating(pid, monotonic() - beaten_at)
        if self._stop_by is None:
            self._check_newborn()

    def _check_beating(self, pid: int, silent_s: float) -> None:
        if self._stop_by is not None and monotonic() > self._stop_by:
            self._hand_back(pid, WorkerLost("its worker had to stop"), counts=False)
            _kill(pid)
        elif silent_s > HUNG_AFTER_S:
            _log.error("worker.hung", pool=self._pool, pid=pid)
            self._hung = pid
            _kill(pid)
        elif silent_s > STOPPED_AFTER_S and _is_stopped(pid):
            _log.error("worker.stopped_by_a_signal", pool=self._pool, pid=pid)
            _kill(pid)

    def _check_newborn(self) -> None:
        """The children that take no work yet; and whether there is one at all."""
        self.children.maintain()
        living = self.children.living
        for pid in living:
            reason = self._why_useless(pid)
            if reason is not None:
                _log.error("worker.set_up_hung", pool=self._pool, pid=pid, reason=reason)
                _kill(pid)
        if living or not self.children.started:
            self._childless_since = None
            return
        self._childless_since = self._childless_since or monotonic()
        if monotonic() - self._childless_since > CHILDLESS_AFTER_S:
            self._end_worker()

    def _why_useless(self, pid: int) -> str | None:
        if pid != self._beaten:
            self._unheard_since = None
            return self._newborn.why_hung(pid)
        # Celery would never give it work.
        if pid not in self.children.unannounced or not self.children.loop_runs:
            self._unheard_since = None
            return None
        self._unheard_since = self._unheard_since or monotonic()
        return "Celery has not heard of it" if monotonic() - self._unheard_since > UNHEARD_AFTER_S else None

    def _end_worker(self) -> None:
        """Ends this process when Celery forks no child, unless it waits for the broker and needs none."""
        try:
            Waker(self._settings.broker_url.get_secret_value()).ping()
        except Unavailable:
            return
        _log.error("worker.has_no_child", pool=self._pool, seconds=CHILDLESS_AFTER_S)
        os._exit(_FAILED)

    def _give_up(self) -> None:
        if not self._gave_up:
            _log.error("worker.gave_up", pool=self._pool, failures=self._set_up.failures)
            self._gave_up = True
            self._stop()

    def _handle_dead_child(self, pid: int) -> None:
        if self.pulse.read()[0] == pid:
            self.pulse.clear()
        kills, before = _count_memory_kills(), self._kills
        self._kills = kills
        if pid == self._hung:
            why: TaskFailed = TimedOut(f"its worker did nothing for {HUNG_AFTER_S:.0f} s and was killed")
        elif kills > before:
            why = OutOfMemory("the system killed its worker, which used too much memory")
        else:
            why = WorkerLost("its worker's process died during the task")
        self._hand_back(pid, why, counts=True)

    def _hand_back(self, pid: int, why: TaskFailed, *, counts: bool) -> None:
        name = worker_id(self._pool, socket.gethostname(), pid)
        database = Database(self._settings.database_url.get_secret_value(), pool_size=1)
        try:
            held, free = database.retrying(partial(_take_back, name=name, why=why, counts=counts))
            if held:
                if counts:
                    recorder().leases_lost("guardian", len(held))
                _log.warning("worker.handed_back", worker=name, code=why.code, leases=len(held))
            Waker(self._settings.broker_url.get_secret_value()).wake(free)
        except Unavailable as error:
            # The lease expires by itself, and the sweeper wakes workers for what is queued.
            _log.warning("worker.left_to_the_sweeper", worker=name, code=error.code)
        finally:
            database.close()


def _take_back(session: Session, name: str, why: TaskFailed, *, counts: bool) -> tuple[set[str], list[TaskQueue]]:
    # The worker's row first, as in its heartbeat.
    remove_worker(session, name)
    held = leases_of(session, name)
    return held, hand_back(session, held, why, counts=counts)


def _is_stopped(pid: int) -> bool:
    with suppress(psutil.Error):
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _count_memory_kills() -> int:
    """How many processes the system has killed when memory ran out; 0 where it does not count them."""
    for path in _COUNTERS:
        with suppress(OSError, ValueError):
            for line in path.read_text(encoding="ascii").splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    return 0
