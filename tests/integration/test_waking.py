"""How many workers are woken, and how long one that is awake goes on."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import aclosing
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.errors import BrokerUnavailable
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
from tests.peers import certificate, listening


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


def test_a_broker_is_reached_by_tls(broker: str, tmp_path: Path) -> None:
    """As the chart writes its address: as a user, checked by authorities from a file, or not reached at all."""
    password, address = broker.partition("://:")[2].rsplit("@", 1)
    host, port = address.partition("/")[0].split(":")
    trusted = certificate(tmp_path, "localhost")
    other = certificate(tmp_path, "elsewhere")
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(trusted)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside_reader, inside_writer = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(_copy(reader, inside_writer), _copy(inside_reader, writer))
        finally:
            inside_writer.close()

    async def ping(at: int, database: int, authorities: str) -> None:
        # Of another number each: the library shares connections to one that it has reached, whatever checks it.
        url = f"rediss://default:{password}@localhost:{at}/{database}?ssl_cert_reqs=required{authorities}"
        waker = Waker(url)
        try:
            await asyncio.to_thread(waker.ping)
            async with aclosing(AsyncRedis.from_url(url)) as counting:  # as the gateway counts requests
                assert await counting.ping()
        finally:
            await asyncio.to_thread(waker._app.pool.force_close_all)

    async def scenario() -> None:
        async with listening(pipe, trust=trust) as at:
            await ping(at, 10, f"&ssl_ca_certs={trusted}")
            for database, authorities in ((11, f"&ssl_ca_certs={other}"), (12, "")):
                with pytest.raises(BrokerUnavailable):
                    await ping(at, database, authorities)

    asyncio.run(scenario())


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()
