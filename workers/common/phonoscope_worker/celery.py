"""Runs a pool's handler under Celery: one task at a time in one child process, which loads everything first."""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)
from celery.worker import state as celery_state

from phonoscope.db.access.engine import Database
from phonoscope.errors import DatabaseUnavailable, Unavailable
from phonoscope.logs import configure_logs, get_logger
from phonoscope.metrics import begin_process, start_metrics
from phonoscope.retry import Backoff, retrying
from phonoscope.settings import Settings, get_settings
from phonoscope.states import Lane, Pool, TaskQueue
from phonoscope.storage import ObjectStore
from phonoscope.traces import end_traces, parse_libraries, start_traces
from phonoscope.waker import Waker, make_celery, task_name
from phonoscope_worker.context import Context
from phonoscope_worker.guardian import Guardian
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_queue
from phonoscope_worker.set_up import SET_UP_BACKOFF, ChildSetUp
from phonoscope_worker.work import Handler

_DATABASE_BACKOFF = Backoff(first_s=0.5, factor=2.0, longest_s=5.0)
_FAILED = 1
_log = get_logger(__name__)

_NICE_OF_LONG_WORK = 10

Prepare = Callable[[Settings, Sequence[Lane]], tuple[str, Handler]]
"""Loads what a pool needs for these lanes, in the child; returns the device and the handler."""


def run_worker(pool: Pool, prepare: Prepare, backoff: Backoff = SET_UP_BACKOFF) -> None:
    """Runs a pool's worker in the foreground until it must stop; the command-line option ``--lane`` selects a lane.

    A worker of the long lane alone works at a lower priority, so that short work beside it on the machine goes first.

    Args:
        backoff: between attempts to set up the worker's child.

    Raises ``SystemExit`` with a status other than 0 when the worker's child cannot be set up, or Celery failed.
    """
    settings = get_settings()
    lanes = _lanes()
    configure_logs(settings.log_format, settings.log_level)
    app = make_celery(settings.broker_url.get_secret_value(), settings.max_duration_s)
    set_up = ChildSetUp(backoff)
    statuses: list[int] = []
    worker_shutdown.connect(lambda sender, **_: statuses.append(sender.exitcode or 0), weak=False)
    _register(app, pool, lanes, prepare, settings, set_up)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={','.join(TaskQueue(pool, lane).name for lane in lanes)}",
            f"--hostname={pool}-{os.getpid()}@%h",
            "--pool=prefork",
            "--concurrency=1",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            f"--loglevel={settings.log_level}",
        ]
    )
    if set_up.attempts_exhausted:
        sys.exit(f"The {pool} worker ends: its set-up failed {set_up.failures} times in a row; its log says why.")
    if any(statuses):
        sys.exit(_FAILED)


def _lanes() -> Sequence[Lane]:
    parser = argparse.ArgumentParser(description="A worker of one pool.")
    parser.add_argument("--lane", choices=list(Lane), type=Lane, help="take only short or only long tasks")
    chosen = parser.parse_args().lane
    return [chosen] if chosen else list(Lane)


def _register(
    app: Celery, pool: Pool, lanes: Sequence[Lane], prepare: Prepare, settings: Settings, set_up: ChildSetUp
) -> None:
    guardian = Guardian(pool, settings, set_up, _stop)
    contexts: list[Context] = []

    def load() -> None:
        begin_process(pool)
        start_traces(settings.otlp_endpoint, pool, parse_libraries(settings.trace_libraries))
        database = Database(settings.database_url.get_secret_value(), pool_size=2)
        device, handler = prepare(settings, lanes)
        identity = WorkerIdentity(pool, lanes, socket.gethostname(), device, os.getpid())
        heartbeat = Heartbeat(database, identity, guardian.pulse.beat)
        waker = Waker(settings.broker_url.get_secret_value())
        contexts.append(Context(device, database, ObjectStore(settings), waker, heartbeat, handler))

    def announce() -> None:
        context = contexts[0]
        retrying(context.heartbeat.start, _DATABASE_BACKOFF, DatabaseUnavailable, partial(_log_pause, pool))
        if lanes == [Lane.LONG]:
            os.nice(_NICE_OF_LONG_WORK)
        # What is loaded now stays: the garbage collector need not scan it during a pass.
        gc.freeze()
        _log.info("worker.ready", pool=pool, device=context.device)

    def unload(**_: Any) -> None:
        for context in contexts:
            context.heartbeat.stop()
            context.database.close()
        end_traces()
        guardian.pulse.clear()

    def run(lane: str) -> None:
        try:
            run_queue(contexts[0], TaskQueue(pool, Lane(lane)))
        except Unavailable as error:
            _log.warning("task.left_to_the_sweeper", pool=pool, code=error.code)

    def watch(sender: Any, **_: Any) -> None:
        start_metrics(settings.metrics_port, settings.metrics_host, settings.metrics_dir, None)
        guardian.children.attach(sender)
        guardian.start()

    app.task(name=task_name(pool))(run)
    setup_logging.connect(lambda **_: None, weak=False)
    worker_init.connect(watch, weak=False)
    worker_shutting_down.connect(lambda **_: guardian.drain(), weak=False)
    worker_process_init.connect(lambda **_: set_up.run(load, announce), weak=False)
    worker_process_shutdown.connect(unload, weak=False)


def _stop() -> None:
    """Makes Celery's loop end the worker, with the status of a failure."""
    celery_state.should_stop = _FAILED


def _log_pause(pool: Pool, error: DatabaseUnavailable, pause_s: float) -> None:
    _log.warning("worker.waits_for_the_database", pool=pool, code=error.code, pause_s=pause_s)
