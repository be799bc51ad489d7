"""A worker's heartbeat: a thread that says the process lives and renews the lease it holds."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from phonoscope.db.engine import Database
from phonoscope.db.tasks import renew_lease
from phonoscope.db.workers import beat_worker, remove_worker
from phonoscope.errors import DatabaseUnavailable
from phonoscope.logs import get_logger
from phonoscope.states import Pool

_BEAT_S = 2.0
"""Also how old the progress of a task may be that a client reads."""
_log = get_logger(__name__)


class Heart:
    """Beats every few seconds until stopped; the database being away only delays it."""

    def __init__(self, database: Database, pool: Pool, device: str) -> None:
        self._database = database
        self._pool = pool
        self._device = device
        self._host = socket.gethostname()
        self._worker_id = f"{pool}@{self._host}:{os.getpid()}"
        self._token: str | None = None
        self._progress = (0.0, "starting")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Announces the worker. Raises ``DatabaseUnavailable`` when that cannot be written."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and takes the worker off the list."""
        self._stopped.set()
        self._thread.join(timeout=_BEAT_S)
        try:
            with self._database.transaction() as session:
                remove_worker(session, self._worker_id)
        except DatabaseUnavailable:
            _log.warning("worker.not_deregistered", worker=self._worker_id)

    def report(self, progress: float, stage: str) -> None:
        """Notes how far the work is, as a fraction of 1; the next beat writes it."""
        self._progress = (progress, stage)

    @contextmanager
    def holding(self, token: str) -> Iterator[None]:
        """Renews this lease while inside."""
        self._progress = (0.0, "starting")
        self._token = token
        try:
            yield
        finally:
            self._token = None

    def _run(self) -> None:
        while not self._stopped.wait(_BEAT_S):
            try:
                self._beat()
            except DatabaseUnavailable:
                _log.warning("worker.heartbeat_missed", worker=self._worker_id)
            except Exception:  # noqa: BLE001 - the heart must not stop for anything
                _log.exception("worker.heartbeat_failed", worker=self._worker_id)

    def _beat(self) -> None:
        token = self._token
        with self._database.transaction() as session:
            beat_worker(session, self._worker_id, self._pool, self._host, self._device)
            if token is not None and not renew_lease(session, token, *self._progress):
                _log.warning("worker.lease_lost", worker=self._worker_id)
