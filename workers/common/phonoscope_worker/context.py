"""The resources of a worker process."""

from __future__ import annotations

from dataclasses import dataclass

from phonoscope.db.access.engine import Database
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope_worker.heartbeat import Heartbeat
from phonoscope_worker.work import Handler


@dataclass(frozen=True)
class Context:
    """The services, the heartbeat and the handler of a worker process."""

    device: str
    database: Database
    store: ObjectStore
    waker: Waker
    heartbeat: Heartbeat
    handler: Handler
