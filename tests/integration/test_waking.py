"""How many workers are woken, and how long one that is awake goes on."""

from __future__ import annotations

import pytest
from redis import Redis
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Outcome
from phonoscope_worker import Context
from phonoscope_worker import run as module
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_queue
from tests.integration.life import CPU, GPU, empty, new_job, new_track


@pytest.fixture
def broker(server_settings: Settings) -> str:
    """A corner of the broker where nobody listens."""
    url = server_settings.broker_url.get_secret_value().rpartition("/")[0] + "/10"
    Redis.from_url(url).flushdb()
    return url


@pytest.fixture
def context(server_settings: Settings, database: Database, broker: str) -> Context:
    """A worker's, whose handler does nothing."""
    empty(database)
    heartbeat = Heartbeat(database, WorkerIdentity(Pool.GPU, list(Lane), "host", "cpu", 1), lambda: None)
    store = ObjectStore(server_settings)
    return Context(
        "cpu", database, store, Waker(broker), heartbeat, lambda work: {name: Outcome({}) for name in work.claim.tasks}
    )


def ended(database: Database) -> int:
    with database.autocommit() as session:
        return int(session.scalar(text("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")) or 0)


def test_no_more_messages_than_workers_could_need(broker: str) -> None:
    """A thousand jobs do not become a thousand messages; another queue has its own."""
    waker = Waker(broker)
    waker.wake([GPU] * 1_000)
    waker.wake([GPU, CPU])
    assert (Redis.from_url(broker).llen(GPU.name), Redis.from_url(broker).llen(CPU.name)) == (32, 1)


def test_a_worker_goes_on_until_nothing_can_be_started(context: Context, database: Database, broker: str) -> None:
    """One message is enough for all that waits."""
    for _ in range(3):
        new_job(database, new_track(database))
    run_queue(context, GPU)
    assert ended(database) == 3
    assert Redis.from_url(broker).llen(GPU.name) == 0


def test_a_worker_lets_other_queues_have_their_turn(
    context: Context, database: Database, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops in time, and leaves a message for what is left."""
    monkeypatch.setattr(module, "TURN_S", 0.0)
    for _ in range(3):
        new_job(database, new_track(database))
    run_queue(context, GPU)
    assert ended(database) == 1
    assert Redis.from_url(broker).llen(GPU.name) == 1
