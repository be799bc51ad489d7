"""How programs record: calls that do nothing while metrics are off, and that never fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import wraps
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from phonoscope import __version__
from phonoscope.logs import get_logger
from phonoscope.states import Lane, Pool, TaskName

if TYPE_CHECKING:
    from prometheus_client import Gauge

    from phonoscope.metrics.folder import MetricsFolder
    from phonoscope.metrics.instruments import Instruments

P = ParamSpec("P")
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_MOST_VALUES = 150
"""Of one label: those that come later are ``other``. More are in no release's code, but a fault may make them."""
_log = get_logger(__name__)


def start_metrics(port: int, host: str, folder: Path, program: str | None) -> None:
    """Begins to record and to serve ``/metrics``; with the port 0 nothing is recorded. Called once in a process.

    Where the folder cannot be written the process goes on without metrics, and its log says why.

    Args:
        folder: the processes of a machine share it; one of them has the port, and serves for all.
        program: the name under which this process is counted; ``None`` where its children are.
    """
    if not port:
        return
    from phonoscope.metrics.folder import MetricsFolder
    from phonoscope.metrics.server import MetricsServer

    shared = MetricsFolder(folder)
    if _open(shared):
        if program is not None:
            recorder().alive(program)
        MetricsServer(host, port, shared).start()


def begin_process(program: str) -> None:
    """Begins to record in a child that was forked after ``start_metrics``."""
    folder = recorder().folder
    if folder is not None and _open(folder):
        recorder().alive(program)


def recorder() -> Recorder:
    """This process's recorder."""
    return _recorder


def _open(folder: MetricsFolder) -> bool:
    try:
        folder.open(os.getpid())
    except OSError as error:
        _log.warning("metrics.off", folder=str(folder.path), reason=error.strerror or str(error))
        _recorder.use(None, None)
        return False
    if _recorder.folder is None:
        _recorder.use(folder, _make_instruments(folder.path))
    return True


def _make_instruments(folder: Path) -> Instruments:
    # The library chooses when it is imported, which a test or another library may have done already.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue()
    from phonoscope.metrics.instruments import Instruments

    return Instruments()


def _safely(
    method: Callable[Concatenate[Recorder, Instruments, P], None],
) -> Callable[Concatenate[Recorder, P], None]:
    """What is recorded is never worth a request or a task: an error is logged once, and recording goes on."""

    @wraps(method)
    def record(self: Recorder, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.instruments is None:
            return
        try:
            method(self, self.instruments, *args, **kwargs)
        except Exception:  # noqa: BLE001
            if not self.failed:
                _log.exception("metrics.not_recorded", what=method.__name__)
            self.failed = True

    return record  # type: ignore[return-value]


class Recorder:
    """Records what happens in this process. Every label has a bounded number of values."""

    def __init__(self) -> None:
        self.folder: MetricsFolder | None = None
        self.instruments: Instruments | None = None
        self.failed = False
        self._values: dict[str, set[str]] = {}

    def use(self, folder: MetricsFolder | None, instruments: Instruments | None) -> None:
        self.folder, self.instruments = folder, instruments

    @property
    def on(self) -> bool:
        return self.instruments is not None

    @_safely
    def alive(self, to: Instruments, program: str) -> None:
        """Counts this process; what it may count later is 0 from now on, so that the first time is seen as a change."""
        to.processes.labels(program, __version__).set(1)
        if program in tuple(Pool):
            for lane, end in product(Lane, ("ended", "unfinished")):
                to.attempts.labels(program, lane, end)
            for task, status in product(TaskName, ("succeeded", "failed")):
                to.tasks_ended.labels(task, status)
            to.task_failures.labels("worker_lost")
            to.store_calls.labels("fetch", "failed")
        for found_by in ("worker", "guardian", "sweeper"):
            to.lease_losses.labels(found_by)
        if program == "gateway":
            for result in ("new", "known", "refused"):
                to.uploads.labels(result)
            to.connections_ended.labels("refused")
            to.store_calls.labels("put", "failed")
        if program == "courier":
            to.deliveries.labels("delivered")
            for what in ("recordings", "jobs", "events", "uploads", "objects"):
                to.erased.labels(what)

    @_safely
    def request_answered(self, to: Instruments, method: str, route: str | None, status: int, seconds: float) -> None:
        """``route`` is its template, ``None`` where no route took the request."""
        method = method if method in METHODS else OTHER
        route = self._bounded("route", route or "unmatched")
        to.requests.labels(method, route, _STATUSES[min(max(status // 100, 1), 5) - 1]).inc()
        to.request_duration.labels(method, route).observe(seconds)

    @_safely
    def connection_ended(self, to: Instruments, reason: str) -> None:
        to.connections_ended.labels(reason).inc()

    @_safely
    def uploaded(self, to: Instruments, result: str, size_bytes: int) -> None:
        to.uploads.labels(result).inc()
        to.upload_bytes.inc(size_bytes)

    @_safely
    def tasks_asked(self, to: Instruments, tasks: Iterable[tuple[str, bool]]) -> None:
        """Each task's name, and whether its result was in the ledger."""
        for task, cached in tasks:
            to.tasks_asked.labels(task, str(cached).lower()).inc()

    @_safely
    def searched(self, to: Instruments, by: str, seconds: float) -> None:
        to.search_duration.labels(by).observe(seconds)

    @_safely
    def attempt_ended(self, to: Instruments, pool: Pool, lane: Lane, end: str) -> None:
        to.attempts.labels(pool, lane, end).inc()

    @_safely
    def tasks_ended(self, to: Instruments, tasks: Iterable[tuple[str, str | None]]) -> None:
        """Each task's name, and its problem's code where it failed."""
        for task, code in tasks:
            to.tasks_ended.labels(task, "failed" if code else "succeeded").inc()
            if code:
                to.task_failures.labels(self._bounded("code", code)).inc()

    @_safely
    def tasks_took(self, to: Instruments, tasks: Collection[str], seconds: float, timings: Mapping[str, float]) -> None:
        """``timings`` are seconds by stage, whose names end in ``_s``."""
        for task in tasks:
            to.task_duration.labels(task).observe(seconds)
            for stage, spent in timings.items():
                to.stage_duration.labels(task, self._bounded("stage", stage.removesuffix("_s"))).observe(spent)

    @_safely
    def leases_lost(self, to: Instruments, found_by: str, count: int) -> None:
        to.lease_losses.labels(found_by).inc(count)

    @_safely
    def worker_lived(self, to: Instruments, pool: Pool, device: str, seconds: float, busy_s: float) -> None:
        to.lived.labels(pool, device).inc(seconds)
        to.busy.labels(pool, device).inc(busy_s)

    @_safely
    def batch_computed(self, to: Instruments, network: str, device: str, windows: int, seconds: float) -> None:
        """``network`` is ``body`` or ``separation``, whose windows are its segments."""
        to.batch_windows.labels(network, device).observe(windows)
        to.computed.labels(network, device).inc(seconds)

    @_safely
    def models_loaded(self, to: Instruments, count: int) -> None:
        to.models_loaded.set(count)

    @_safely
    def store_called(self, to: Instruments, call: str, seconds: float, *, failed: bool) -> None:
        to.store_duration.labels(call).observe(seconds)
        to.store_calls.labels(call, "failed" if failed else "answered").inc()

    @_safely
    def delivery_attempted(self, to: Instruments, result: str, seconds: float) -> None:
        to.deliveries.labels(result).inc()
        to.delivery_duration.observe(seconds)

    @_safely
    def erased(self, to: Instruments, counts: Mapping[str, int]) -> None:
        """How many of what: ``recordings``, ``jobs``, ``events``, ``uploads``, and ``objects`` of these."""
        for what, count in counts.items():
            to.erased.labels(what).inc(count)

    @_safely
    def gauge(self, to: Instruments, name: str, value: float, *labels: str) -> None:
        """Sets one of the gauges of the whole service, named as in ``Instruments``; NaN where it is not known."""
        gauge: Gauge = getattr(to, name)
        (gauge.labels(*labels) if labels else gauge).set(value)

    def _bounded(self, label: str, value: str) -> str:
        known = self._values.setdefault(label, set())
        if value not in known:
            if len(known) >= _MOST_VALUES:
                return OTHER
            known.add(value)
        return value


_recorder = Recorder()
