"""What a worker process holds for its whole life."""

from __future__ import annotations

from dataclasses import dataclass

from phonoscope.db.access.engine import Database
from phonoscope.queue import Queue
from phonoscope.storage import ObjectStore
from phonoscope_worker.heartbeat import Heartbeat
from phonoscope_worker.work import Handler


@dataclass(frozen=True)
class Context:
    """The services, the heartbeat and the handler of a worker process."""

    device: str
    database: Database
    store: ObjectStore
    queue: Queue
    heartbeat: Heartbeat
    handler: Handler
