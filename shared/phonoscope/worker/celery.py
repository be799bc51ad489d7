"""Celery around a pool's handler: one task, one child process, everything loaded in the child before it takes work."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from phonoscope.db.engine import Database
from phonoscope.errors import Unavailable
from phonoscope.logs import configure_logs, get_logger
from phonoscope.queue import make_celery, task_name
from phonoscope.settings import Settings, get_settings
from phonoscope.states import Pool
from phonoscope.storage import ObjectStore
from phonoscope.worker.heart import Heart
from phonoscope.worker.work import Context, Handler, run_job

_log = get_logger(__name__)

Prepare = Callable[[Settings], tuple[str, Handler]]
"""Loads what a pool needs, in the child; returns the device and the handler."""


def run_worker(pool: Pool, prepare: Prepare) -> None:
    """Runs a pool's worker in the foreground until it is told to stop."""
    settings = get_settings()
    configure_logs(settings.log_format, settings.log_level)
    app = make_celery(settings.broker_url.get_secret_value())
    _register(app, pool, prepare, settings)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={pool}",
            f"--hostname={pool}@%h",
            "--pool=prefork",
            "--concurrency=1",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            f"--loglevel={settings.log_level}",
        ]
    )


def _register(app: Celery, pool: Pool, prepare: Prepare, settings: Settings) -> None:
    contexts: list[Context] = []

    def load(**_: Any) -> None:
        database = Database(settings.database_url.get_secret_value(), pool_size=2)
        device, handler = prepare(settings)
        heart = Heart(database, pool, device)
        contexts.append(Context(pool, device, database, ObjectStore(settings), heart, handler))
        heart.start()
        # What is loaded now stays: the collector need not look through it again in the middle of a pass.
        gc.freeze()
        _log.info("worker.ready", pool=pool, device=device)

    def unload(**_: Any) -> None:
        for context in contexts:
            context.heart.stop()
            context.database.close()

    def run(job_id: str) -> None:
        try:
            run_job(contexts[0], job_id)
        except Unavailable as error:
            _log.warning("task.left_to_the_sweeper", job_id=job_id, pool=pool, code=error.code)

    app.task(name=task_name(pool))(run)
    setup_logging.connect(lambda **_: None, weak=False)
    worker_process_init.connect(load, weak=False)
    worker_process_shutdown.connect(unload, weak=False)
