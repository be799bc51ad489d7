"""A worker's heartbeat: a thread that says the process lives, renews the lease it holds and calls off what must end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from types import FrameType

from phonoscope.db.access.engine import Database
from phonoscope.db.service.workers import beat_worker, remove_worker
from phonoscope.db.tasks.claim import renew_lease
from phonoscope.errors import DatabaseUnavailable
from phonoscope.logs import get_logger
from phonoscope.states import Lane, Pool

BEAT_S = 1.0
"""Also how old the progress of a task may be that a client reads, and how long one that is called off goes on."""
_STUCK_AFTER_S = 15.0
_CALL_OFF = signal.SIGUSR2
_log = get_logger(__name__)


class CalledOff(BaseException):
    """Raised in the middle of a task that must end; not an ``Exception``, so that nobody handles it on the way out."""


@dataclass(frozen=True)
class Identity:
    """How a worker process is known."""

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


class Heart:
    """Beats every second until stopped; the database being away only delays it.

    Args:
        pulse: told of each beat, whatever the database does.
    """

    def __init__(self, database: Database, me: Identity, pulse: Callable[[], None]) -> None:
        self._database = database
        self._me = me
        self._pulse = pulse
        self._progress = (0.0, "starting")
        self._held: _Held | None = None
        self._interruptible = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    @property
    def worker_id(self) -> str:
        return self._me.id

    def start(self) -> None:
        """Announces the worker. To be called in the main thread. Raises ``DatabaseUnavailable``."""
        signal.signal(_CALL_OFF, self._interrupt)
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and takes the worker off the list."""
        self._stopped.set()
        self._thread.join(timeout=2 * BEAT_S)
        try:
            with self._database.transaction() as session:
                remove_worker(session, self._me.id)
        except DatabaseUnavailable:
            _log.warning("worker.not_deregistered", worker=self._me.id)

    def report(self, progress: float, stage: str) -> None:
        """Notes how far the work is, as a fraction of 1; the next beat writes it."""
        self._progress = (progress, stage)

    @contextmanager
    def holding(self, token: str, limit_s: float) -> Iterator[_Held]:
        """Renews this lease while inside. Once it is lost, or the time is up, ``CalledOff`` is raised in here."""
        self._progress = (0.0, "starting")
        held = self._held = _Held(token, monotonic() + limit_s)
        self._interruptible = True
        try:
            yield held
        finally:
            self._interruptible = False
            self._held = None

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        # Half a module would stay for the process' life, and break all that comes later. The next beat tries again.
        if self._interruptible and not _is_importing(frame):
            self._interruptible = False
            raise CalledOff

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self._beat()
            except DatabaseUnavailable:
                _log.warning("worker.heartbeat_missed", worker=self._me.id)
            except Exception:  # noqa: BLE001 - the heart must not stop for anything
                _log.exception("worker.heartbeat_failed", worker=self._me.id)
            self._look_after(self._held)

    def _beat(self) -> None:
        self._pulse()
        held, me = self._held, self._me
        with self._database.transaction() as session:
            beat_worker(session, me.id, me.pool, me.lanes, me.host, me.device)
            if held is not None and not renew_lease(session, held.token, *self._progress) and self._held is held:
                held.lost = True

    def _look_after(self, held: _Held | None) -> None:
        if held is None or not (held.lost or held.overdue):
            return
        if held.called_off_at is None:
            _log.warning("task.called_off", worker=self._me.id, lost=held.lost, overdue=held.overdue)
            held.called_off_at = monotonic()
        if monotonic() - held.called_off_at > _STUCK_AFTER_S:
            # It hears no signal: it is stuck in a library. The parent puts another process in this one's place.
            _log.error("worker.stuck", worker=self._me.id)
            os.kill(os.getpid(), signal.SIGKILL)
        with suppress(RuntimeError):
            signal.pthread_kill(threading.main_thread().ident or 0, _CALL_OFF)


@dataclass
class _Held:
    token: str
    until: float
    lost: bool = False
    called_off_at: float | None = None

    @property
    def overdue(self) -> bool:
        return monotonic() > self.until


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
