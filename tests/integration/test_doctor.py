"""What ``phonoscope doctor`` finds at real servers, and what it says where they are not as they should be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import newest_revision
from phonoscope.db.service.workers import beat_worker
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, TaskName
from phonoscope.storage import ObjectStore
from phonoscope_cli.finding import Finding
from phonoscope_cli.services import (
    courier_finding,
    direct_uploads_finding,
    schema_finding,
    workers_findings,
)
from phonoscope_courier.listener import listen
from phonoscope_local.processes import wait_until
from tests.integration.life import empty, new_job, new_track


class _Undone(Exception):
    """Rolls a transaction back."""


@pytest.fixture
def settings(server_settings: Settings) -> Settings:
    """With a bucket of its own, which clients reach as we do."""
    changes = {"s3_public_endpoint_url": server_settings.s3_endpoint_url, "s3_bucket": f"doctor-{uuid4().hex}"}
    settings = server_settings.model_copy(update=changes)
    ObjectStore(settings).ensure_bucket()
    return settings


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a server that takes no part of any upload."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("change", "found", "advice"),
    [
        (
            "UPDATE alembic_version SET version_num = '0014'",
            f"0014, and this release needs {newest_revision()}",
            "run",
        ),
        ("UPDATE alembic_version SET version_num = '9999'", "9999 is of a newer release", "run the programs of that"),
        ("DROP TABLE alembic_version", "the database has no tables", "run `phonoscope migrate`"),
    ],
)
def test_another_schema_is_a_fault(database: Database, change: str, found: str, advice: str) -> None:
    """An older one, a newer one and none at all; the newest is well."""
    with suppress(_Undone), database.transaction() as session:
        assert schema_finding(session).well
        session.execute(text(change))
        seen = schema_finding(session)
        raise _Undone
    assert (seen.well, seen.found) == (False, found)
    assert seen.advice.startswith(advice)


def test_a_courier_is_seen_by_its_connection(database: Database) -> None:
    """None is a fault that says how one is started."""
    url = database_url_of(database)

    async def beside() -> Finding:
        connected = asyncio.Event()
        listens = asyncio.create_task(listen(url, connected.set))
        await connected.wait()
        try:
            return await asyncio.to_thread(courier_of, database)
        finally:
            listens.cancel()
            with suppress(asyncio.CancelledError):
                await listens

    seen = asyncio.run(beside())
    assert (seen.well, seen.found) == (True, "1 connected")
    # The server may notice a little later that it went.
    assert wait_until(lambda: not courier_of(database).well, 30.0)
    none = courier_of(database)
    assert (none.well, none.found) == (False, "0 connected")
    assert "python -m phonoscope_courier" in none.advice


def courier_of(database: Database) -> Finding:
    with database.transaction() as session:
        return courier_finding(session)


def database_url_of(database: Database) -> str:
    return database._engine.url.render_as_string(hide_password=False)


def test_that_nobody_serves_a_pool_is_a_fault_where_tasks_wait(database: Database) -> None:
    """Not while it is idle, as where it is scaled to none; and a worker of the other lane does not help."""
    empty(database)
    serve(database)
    assert workers_of(database) == {
        Pool.GPU: (True, "none alive; no task waits for one"),
        Pool.CPU: (True, "none alive; no task waits for one"),
    }
    new_job(database, new_track(database), [TaskName.CLASSIFY])
    unserved = "waiting short tasks that nobody serves: 1"
    assert workers_of(database)[Pool.GPU] == (False, f"none alive; {unserved}")
    assert workers_of(database)[Pool.CPU] == (True, "none alive; no task waits for one")
    serve(database, Lane.LONG)
    assert workers_of(database)[Pool.GPU] == (False, f"one on cuda; {unserved}")
    serve(database, Lane.SHORT)
    assert workers_of(database)[Pool.GPU] == (True, "one on cuda")
    serve(database)
    empty(database)


def serve(database: Database, *lanes: Lane) -> None:
    """The one worker that there is, of the GPU pool; none without lanes."""
    with database.transaction() as session:
        session.execute(text("DELETE FROM workers"))
        if lanes:
            beat_worker(session, "one", Pool.GPU, lanes, "here", "cuda")


def workers_of(database: Database) -> dict[Pool, tuple[bool, str]]:
    with database.transaction() as session:
        return {pool: (each.well, each.found) for pool, each in zip(Pool, workers_findings(session), strict=True)}


def test_a_part_is_sent_straight_to_the_store(settings: Settings) -> None:
    """By the public address, and nothing of it stays; without one it is said how that is turned on."""
    seen = direct_uploads_finding(settings)
    assert (seen.well, seen.found) == (True, f"{settings.s3_endpoint_url} takes them")
    assert ObjectStore(settings).keys() == []
    off = direct_uploads_finding(settings.model_copy(update={"s3_public_endpoint_url": ""}))
    assert off.well
    assert "PHONOSCOPE_S3_PUBLIC_ENDPOINT_URL" in off.found


def test_a_public_address_that_takes_no_parts_is_a_fault(settings: Settings, refusing: str) -> None:
    """Where another server answers, and where the store has no such bucket."""
    for changes, said in (
        ({"s3_public_endpoint_url": refusing}, f"{refusing} answers 403 to a part of an upload"),
        ({"s3_bucket": f"none-{uuid4().hex}"}, "the object store has no object"),
    ):
        seen = direct_uploads_finding(settings.model_copy(update=changes))
        assert not seen.well
        assert said in seen.found
        assert "docs/uploads.md" in seen.advice


def test_a_public_address_that_is_out_of_reach_here_is_no_fault(settings: Settings) -> None:
    """Clients may reach it from elsewhere; nothing of the part stays in the store."""
    seen = direct_uploads_finding(settings.model_copy(update={"s3_public_endpoint_url": "http://127.0.0.1:1"}))
    assert seen.well
    assert "http://127.0.0.1:1 cannot be reached from here; run doctor where clients are" in seen.found
    assert ObjectStore(settings).keys() == []
