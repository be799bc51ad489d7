"""The observer: reads for the metrics what only the database knows, and whether the services answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import nan
from threading import Event, Thread
from time import monotonic, time

from phonoscope.db.access.engine import Database
from phonoscope.db.service.observed import OWNERS, Backlog, Observed, Waiting, observe
from phonoscope.errors import Unavailable
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.states import Lane, Pool, TaskQueue

EVERY_S = 5.0
_SHARE = 0.05
"""Of the time, at most, that the observer's queries take; with millions of waiting tasks it looks less often."""
_QUEUES = [TaskQueue(pool, lane) for pool, lane in product(Pool, Lane)]
_log = get_logger(__name__)


@dataclass
class Observer:
    """Looks every few seconds, each service from a thread of its own: one that hangs holds no other up.

    Args:
        database: has a connection for itself.
        pings: calls that raise ``Unavailable`` where the service does not answer, by its name.
    """

    database: Database
    pings: Mapping[str, Callable[[], object]]
    every_s: float = EVERY_S
    _models: set[str] = field(default_factory=set)

    def start(self, stopped: Event) -> None:
        """Starts the threads, where metrics are on. They end when the courier does."""
        if not recorder().on:
            return
        for name, look in {"database": self.look, **self.pings}.items():
            Thread(target=self._run, args=(name, look, stopped), name=f"observe {name}", daemon=True).start()

    def look(self) -> None:
        """One round of the database. Raises ``DatabaseUnavailable``."""
        try:
            with self.database.autocommit() as session:
                observed = observe(session)
        except Exception:
            self._set_unknown()
            raise
        self._models |= observed.recall.keys()
        self._set(observed)
        recorder().gauge("observed_at", time())

    def _set(self, found: Observed) -> None:
        gauge = recorder().gauge
        for queue in _QUEUES:
            for owners in OWNERS:
                waiting = found.waiting.get((queue, owners), Waiting(0, 0.0))
                gauge("queued", waiting.tasks, *queue, owners)
                gauge("oldest", waiting.oldest_s, *queue, owners)
            gauge("running", found.running.get(queue, 0), *queue)
            gauge("workers", found.workers.get(queue, 0), *queue)
        for name, value in (
            ("outbox", found.outbox.number),
            ("outbox_age", found.outbox.oldest_s),
            ("due", found.due.number),
            ("due_age", found.due.oldest_s),
            ("stored_tracks", found.stored_tracks),
            ("stored_bytes", found.stored_bytes),
        ):
            gauge(name, value)
        for model in self._models:
            recall, age_s = found.recall.get(model, (nan, nan))
            gauge("recall", recall, model)
            gauge("recall_age", age_s, model)

    def _set_unknown(self) -> None:
        """What was read last is no longer known to hold."""
        unknown = Backlog(nan, nan)
        everything = product(_QUEUES, OWNERS)
        self._set(
            Observed(
                waiting=dict.fromkeys(everything, Waiting(nan, nan)),
                running=dict.fromkeys(_QUEUES, nan),
                workers=dict.fromkeys(_QUEUES, nan),
                outbox=unknown,
                due=unknown,
                recall={},
                stored_tracks=nan,
                stored_bytes=nan,
            )
        )

    def _run(self, name: str, look: Callable[[], object], stopped: Event) -> None:
        while True:
            began, up = monotonic(), False
            try:
                look()
                up = True
            except Unavailable as error:
                _log.warning("observer.no_answer", service=name, code=error.code)
            except Exception:  # noqa: BLE001 - one bad round must not end the others
                _log.exception("observer.failed", service=name)
            took = monotonic() - began
            recorder().gauge(f"{name}_up", up)
            recorder().gauge("ping", took if up else nan, name)
            if stopped.wait(max(self.every_s, took / _SHARE if up else 0.0)):
                return
