"""Celery around a pool's handler: one task, one child process, everything loaded in the child before it takes work."""

from __future__ import annotations

import argparse
import gc
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)

from phonoscope.db.access.engine import Database
from phonoscope.errors import Unavailable
from phonoscope.logs import configure_logs, get_logger
from phonoscope.queue import Queue, make_celery, task_name
from phonoscope.settings import Settings, get_settings
from phonoscope.states import Lane, Place, Pool
from phonoscope.storage import ObjectStore
from phonoscope_worker.guardian import Guardian
from phonoscope_worker.heartbeat import Heart, Identity
from phonoscope_worker.work import Context, Handler, run_place

_log = get_logger(__name__)

Prepare = Callable[[Settings], tuple[str, Handler]]
"""Loads what a pool needs, in the child; returns the device and the handler."""


def run_worker(pool: Pool, prepare: Prepare) -> None:
    """Runs a pool's worker in the foreground until it is told to stop; ``--lane`` on its command line narrows it."""
    settings = get_settings()
    lanes = _lanes()
    configure_logs(settings.log_format, settings.log_level)
    app = make_celery(settings.broker_url.get_secret_value(), settings.max_duration_s)
    _register(app, pool, lanes, prepare, settings)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={','.join(Place(pool, lane).queue for lane in lanes)}",
            f"--hostname={pool}-{os.getpid()}@%h",
            "--pool=prefork",
            "--concurrency=1",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            f"--loglevel={settings.log_level}",
        ]
    )


def _lanes() -> Sequence[Lane]:
    parser = argparse.ArgumentParser(description="A worker of one pool.")
    parser.add_argument("--lane", choices=list(Lane), type=Lane, help="take only short or only long tasks")
    chosen = parser.parse_args().lane
    return [chosen] if chosen else list(Lane)


def _register(app: Celery, pool: Pool, lanes: Sequence[Lane], prepare: Prepare, settings: Settings) -> None:
    guardian = Guardian(pool, settings)
    contexts: list[Context] = []

    def load(**_: Any) -> None:
        guardian.pulse.clear()
        database = Database(settings.database_url.get_secret_value(), pool_size=2)
        device, handler = prepare(settings)
        heart = Heart(database, Identity(pool, lanes, socket.gethostname(), device, os.getpid()), guardian.pulse.beat)
        queue = Queue(settings.broker_url.get_secret_value())
        contexts.append(Context(device, database, ObjectStore(settings), queue, heart, handler))
        heart.start()
        # What is loaded now stays: the collector need not look through it again in the middle of a pass.
        gc.freeze()
        _log.info("worker.ready", pool=pool, device=device)

    def unload(**_: Any) -> None:
        for context in contexts:
            context.heart.stop()
            context.database.close()
        guardian.pulse.clear()

    def run(lane: str) -> None:
        try:
            run_place(contexts[0], Place(pool, Lane(lane)))
        except Unavailable as error:
            _log.warning("task.left_to_the_sweeper", pool=pool, code=error.code)

    app.task(name=task_name(pool))(run)
    setup_logging.connect(lambda **_: None, weak=False)
    worker_init.connect(lambda **_: guardian.start(), weak=False)
    worker_shutting_down.connect(lambda **_: guardian.drain(), weak=False)
    worker_process_init.connect(load, weak=False)
    worker_process_shutdown.connect(unload, weak=False)
