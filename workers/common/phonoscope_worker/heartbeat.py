"""A worker's heartbeat: a thread that reports the process, renews its lease and interrupts a task that must end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import FrameType
from typing import TypeVar

from phonoscope.db.access.engine import Database
from phonoscope.db.service.workers import beat_worker, remove_worker
from phonoscope.db.tasks.claim import renew_lease
from phonoscope.errors import DatabaseUnavailable
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.states import Lane, Pool

BEAT_S = 1.0
"""Seconds between beats: how old the progress may be that a client reads, and how late a task is interrupted."""
_STUCK_AFTER_S = 15.0
_INTERRUPT = signal.SIGUSR2
Result = TypeVar("Result")
_log = get_logger(__name__)


class TaskInterrupted(BaseException):
    """Raised in the middle of a task that must end; not an ``Exception``, so that no handler catches it."""


@dataclass(frozen=True)
class WorkerIdentity:
    """The identity of a worker process."""

    pool: Pool
    lanes: Sequence[Lane]
    host: str
    device: str
    pid: int

    @property
    def id(self) -> str:
        return worker_id(self.pool, self.host, self.pid)


def worker_id(pool: Pool, host: str, pid: int) -> str:
    """The name under which a process holds leases."""
    return f"{pool}@{host}:{pid}"


class Heartbeat:
    """Beats every second until stopped; a database that is down only delays it.

    Args:
        pulse: called at each beat, whether or not the database answers.
    """

    def __init__(self, database: Database, identity: WorkerIdentity, pulse: Callable[[], None]) -> None:
        self._database = database
        self._identity = identity
        self._pulse = pulse
        self._progress = (0.0, "starting")
        self._lease: _Lease | None = None
        self._interruptible = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._counted_at = monotonic()
        self._worked_s = self._counted_s = 0.0

    @property
    def worker_id(self) -> str:
        return self._identity.id

    def start(self) -> None:
        """Announces the worker; must be called in the main thread. Raises ``DatabaseUnavailable``."""
        signal.signal(_INTERRUPT, self._interrupt)
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and removes the worker's row."""
        self._stopped.set()
        self._thread.join(timeout=2 * BEAT_S)
        try:
            with self._database.transaction() as session:
                remove_worker(session, self.worker_id)
        except DatabaseUnavailable:
            _log.warning("worker.not_deregistered", worker=self.worker_id)

    def report(self, progress: float, stage: str) -> None:
        """Notes the progress, from 0 to 1; the next beat writes it."""
        self._progress = (progress, stage)

    def holding(self, token: str, limit_s: float, work: Callable[[], Result]) -> Result:
        """Returns the result of ``work``; its lease is renewed meanwhile. Must be called in the main thread.

        Raises ``TaskInterrupted`` in ``work`` once the lease is lost or ``limit_s`` seconds have passed.
        """
        # One interruption comes at most. Where it comes at the start of the inner block's end, the outer one still
        # drops the lease; a lease that stayed would have an idle worker killed.
        try:
            try:
                self._progress = (0.0, "starting")
                began = monotonic()
                self._lease = _Lease(token, began + limit_s, began)
                self._interruptible = True
                return work()
            finally:
                self._interruptible = False
        finally:
            lease, self._lease = self._lease, None
            if lease is not None:
                self._worked_s += monotonic() - lease.began

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        # An interrupted import would leave the module incomplete for the process's life. The next beat tries again.
        if self._interruptible and not _is_importing(frame):
            self._interruptible = False
            raise TaskInterrupted

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self._beat()
            except DatabaseUnavailable:
                _log.warning("worker.heartbeat_missed", worker=self.worker_id)
            except Exception:  # noqa: BLE001 - the heartbeat must not stop for anything
                _log.exception("worker.heartbeat_failed", worker=self.worker_id)
            self._count()
            self._enforce_limits(self._lease)

    def _beat(self) -> None:
        self._pulse()
        lease, worker = self._lease, self._identity
        with self._database.transaction() as session:
            beat_worker(session, worker.id, worker.pool, worker.lanes, worker.host, worker.device)
            if lease is None or lease.lost or renew_lease(session, lease.token, *self._progress):
                return
            if self._lease is lease:
                lease.lost = True
                recorder().leases_lost("worker", 1)

    def _count(self) -> None:
        """Adds the time since the last beat to the worker's life, and to its work what leases took of it."""
        worked_s, lease, now = self._worked_s, self._lease, monotonic()
        if lease is not None:
            worked_s += now - lease.began
        # A lease that ends just now may be missed, or counted twice, until the next beat.
        busy_s = max(0.0, worked_s - self._counted_s)
        worker, lived_s = self._identity, now - self._counted_at
        self._counted_at, self._counted_s = now, self._counted_s + busy_s
        recorder().worker_lived(worker.pool, worker.device, lived_s, busy_s)

    def _enforce_limits(self, lease: _Lease | None) -> None:
        """Interrupts a task whose lease is lost or whose time is up; kills the process that does not react."""
        if lease is None or not (lease.lost or lease.overdue):
            return
        if lease.interrupted_at is None:
            _log.warning("task.interrupted", worker=self.worker_id, lost=lease.lost, overdue=lease.overdue)
            lease.interrupted_at = monotonic()
        if monotonic() - lease.interrupted_at > _STUCK_AFTER_S:
            # It handles no signal: it is stuck in a library. The parent starts another process in its place.
            _log.error("worker.stuck", worker=self.worker_id)
            os.kill(os.getpid(), signal.SIGKILL)
        with suppress(RuntimeError):
            signal.pthread_kill(threading.main_thread().ident or 0, _INTERRUPT)


@dataclass
class _Lease:
    token: str
    until: float
    began: float
    lost: bool = False
    interrupted_at: float | None = None

    @property
    def overdue(self) -> bool:
        return monotonic() > self.until


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
