"""The product behind PgBouncer: all of it in session mode, and what is said where that is not its mode."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.listeners import Listener, open_listeners
from phonoscope.db.access.notifications import listen
from phonoscope.db.access.prepared import Prepared
from phonoscope.db.service.keys import create_key
from phonoscope.errors import DatabaseUnavailable
from phonoscope.settings import Settings
from phonoscope_cli.services import pooler_finding
from phonoscope_local.ports import LOOPBACK
from tests.integration.backed_up import Service
from tests.pgbouncer import SESSION, PgBouncer, pgbouncer
from tests.possessions import add_webhook, ask, done, finish, until, upload
from tests.releases import HERE
from tests.support import authorities

PROCESS = text("SELECT pg_backend_pid()")
PLUS_ONE = Prepared("SELECT :number + 1", types={"number": "integer"})
QUICK = ("describe",)
JOBS = 12


@pytest.fixture
def pooler(database_url: str, tmp_path: Path) -> Iterator[PgBouncer]:
    """In session mode, with the settings of the documentation."""
    with pgbouncer(tmp_path / "pgbouncer", database_url) as pooler:
        yield pooler


@pytest.fixture
def events() -> list[str]:
    """The jobs of all events that have come."""
    return []


@pytest.fixture
def hook(events: list[str]) -> Iterator[str]:
    """The address of a receiver that takes every event."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = httpx.Response(200, content=self.rfile.read(int(self.headers["Content-Length"]))).json()
            events.append(event["data"]["job_id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}/"
        server.shutdown()


def pooled(pooler: PgBouncer, pool_size: int = 2) -> Database:
    return Database(pooler.url, pool_size=pool_size)


def test_session_mode_is_well(pooler: PgBouncer) -> None:
    """With the settings that a connection asks for, and none that PgBouncer has to be told to overlook."""
    database = pooled(pooler)
    assert pooler_finding(database).well
    with database.autocommit() as session:
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "2min"
    database.close()


def test_transaction_mode_is_a_fault(database: Database, database_url: str, tmp_path: Path) -> None:
    """Reached directly a connection keeps its process."""
    assert pooler_finding(database).well
    with pgbouncer(tmp_path / "pgbouncer", database_url, {**SESSION, "pool_mode": "transaction"}) as pooler:
        through = pooled(pooler)
        seen = pooler_finding(through)
        through.close()
    assert not seen.well
    assert "session mode" in seen.advice


def test_a_next_client_finds_nothing_of_the_one_before(database_url: str, tmp_path: Path) -> None:
    """On the one connection that there is: neither its statements nor its name, and both plan what they need."""
    with pgbouncer(tmp_path / "pgbouncer", database_url, {**SESSION, "default_pool_size": "1"}) as pooler:
        processes = []
        for _ in range(2):
            client = pooled(pooler)
            with client.autocommit() as session:
                processes.append(session.scalar(PROCESS))
                assert [PLUS_ONE.execute(session, {"number": number}).scalar_one() for number in (1, 2)] == [2, 3]
            client.close()
    assert len(set(processes)) == 1


def test_a_pool_that_is_too_small_is_named(database_url: str, tmp_path: Path) -> None:
    """Who waits in vain for a connection is told that the database is not there, which is tried again."""
    small = {**SESSION, "default_pool_size": "1", "query_wait_timeout": "1"}
    with pgbouncer(tmp_path / "pgbouncer", database_url, small) as pooler:
        first, second = pooled(pooler), pooled(pooler)
        with first.transaction() as session:
            session.execute(PROCESS)
            with pytest.raises(DatabaseUnavailable):
                second.ping()
        first.close()
        second.close()


def test_notifications_come_through(pooler: PgBouncer) -> None:
    """Also after the pooler was killed and has returned; the listener is known by its name."""
    came: list[str] = []
    database = pooled(pooler)

    def say(word: str) -> list[Listener]:
        with database.transaction() as session:
            session.execute(text("SELECT pg_notify('pooled', :word)"), {"word": word})
            return open_listeners(session)

    def hear(notices: Collection[tuple[str, str]]) -> None:
        came.extend(word for _, word in notices)

    async def heard(word: str) -> list[Listener]:
        known: list[Listener] = []
        async with asyncio.timeout(60):
            while word not in came:
                known = await asyncio.to_thread(say, word)
                await asyncio.sleep(0.05)
        return known

    async def scenario() -> None:
        listening = asyncio.create_task(listen(pooler.url, Listener.COURIER, ["pooled"], hear, lambda: None))
        assert await heard("before") == [Listener.COURIER]
        pooler.kill()
        await asyncio.to_thread(pooler.start)
        assert await heard("after") == [Listener.COURIER]
        listening.cancel()

    asyncio.run(scenario())
    database.close()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_lost_when_the_pooler_is_killed(
    new_service: Callable[..., Service], cache_dir: Path, tmp_path: Path, events: list[str], hook: str
) -> None:
    """Gateway, workers and courier live behind it: all jobs end, those under way too, and every event goes out."""
    service = new_service("head")
    with service.database.transaction() as session:
        key = create_key(session, "pooled")
    with pgbouncer(tmp_path / "pgbouncer", service.url) as pooler, ExitStack() as running:
        settings = own_settings(service.settings, pooler, tmp_path, cache_dir)
        url = running.enter_context(HERE.gateway(settings=settings, log=tmp_path / "gateway.log"))
        for name in ("gpu", "cpu", "courier"):
            running.enter_context(HERE.program(name, settings=settings, log=tmp_path / f"{name}.log"))
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=120, verify=authorities()) as http:
            add_webhook(http, hook)
            first = ask(http, upload(http, "first.wav", 440.0), ("classify", "embed", *QUICK))
            finish(http, first)
            until(lambda: list(events), lambda came: first in came)
            assert "by a pooler in session mode" in HERE.phonoscope("doctor", settings=settings)
            jobs = [ask(http, upload(http, "long.wav", 300.0, seconds=240.0), ("classify",))]
            jobs += [ask(http, upload(http, f"{number}.wav", 500.0 + number), QUICK) for number in range(JOBS)]
            until(lambda: status(http, jobs[0]), lambda found: found == "running")
            pooler.kill()
            until(lambda: http.get("/health/ready").status_code, lambda code: code == 503)
            pooler.start()
            until(lambda: http.get("/health/ready").status_code, lambda code: code == 200)
            jobs.append(ask(http, upload(http, "last.wav", 600.0), QUICK))
            for job_id in jobs:
                finish(http, job_id)
            until(lambda: set(events), lambda came: came == {first, *jobs})


def status(http: httpx.Client, job_id: str) -> str:
    return str(done(http.get(f"/v1/jobs/{job_id}"))["status"])


def own_settings(settings: Settings, pooler: PgBouncer, folder: Path, cache_dir: Path) -> Settings:
    """Of the service behind the pooler, with folders of their own."""
    own: dict[str, Any] = {"database_url": SecretStr(pooler.url), "cache_dir": cache_dir}
    return settings.model_copy(update=own | {name: folder / name for name in ("more_models_dir", "metrics_dir")})
