"""A store of its own that has room for small objects alone, or is away for a while."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.requeue import MAX_ATTEMPTS
from phonoscope.errors import StoreUnavailable
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Artifact, Outcome
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.programs import find_programs
from phonoscope_worker import Context, Work
from phonoscope_worker import store_retry as module
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_next
from tests.integration.life import CPU, empty, events_of, read
from tests.support import add_track

ROOM_BYTES = 64 << 10
Start = Callable[[int], subprocess.Popen[bytes]]


@pytest.fixture
def port() -> int:
    return choose_port(0, set())


@pytest.fixture
def start(server_settings: Settings, port: int, tmp_path: Path) -> Iterator[Start]:
    """Starts a store whose files may not grow beyond so many bytes, always with the same folder."""
    running: list[subprocess.Popen[bytes]] = []
    settings = server_settings
    pair = f'"{settings.s3_access_key},{settings.s3_secret_key.get_secret_value()}"'

    def begin(most_bytes: int) -> subprocess.Popen[bytes]:
        command = [str(find_programs().rclone), "serve", "s3", str(tmp_path), "--addr", f"{LOOPBACK}:{port}"]
        process = subprocess.Popen(
            [*command, "--vfs-cache-mode", "off"],
            env=os.environ | {"RCLONE_AUTH_KEY": pair, "RCLONE_CONFIG": os.devnull},
            stderr=subprocess.DEVNULL,
        )
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def store(server_settings: Settings, port: int) -> ObjectStore:
    address = {"s3_endpoint_url": f"http://{LOOPBACK}:{port}", "s3_bucket": f"full-{uuid4().hex}"}
    return ObjectStore(server_settings.model_copy(update=address))


@pytest.fixture
def job(database: Database) -> JobRow:
    empty(database)
    with database.transaction() as session:
        add_track(session, "own_full", "trk_full", "tracks/trk_full/original")
        return create_job(session, session.get_one(TrackRow, "trk_full"), [TaskName.DESCRIBE], {}, {})


def there(store: ObjectStore) -> None:
    """Returns once the store answers and has its bucket."""
    for _ in range(200):
        try:
            store.ensure_bucket()
        except StoreUnavailable:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the store does not come up")


def run(database: Database, store: ObjectStore) -> None:
    """An attempt that makes a small object and then a large one."""

    def made(work: Work) -> dict[TaskName, Outcome]:
        small = Artifact("sheet.png", "sheet", "image/png", b"s" * 100)
        large = Artifact("listen.wav", "listen", "audio/wav", io.BytesIO(b"l" * (4 * ROOM_BYTES)))
        body = {"sheet": small.reference, "sound": large.reference}
        return {name: Outcome(body, artifacts=(small, large)) for name in work.claim.tasks}

    heartbeat = Heartbeat(database, WorkerIdentity(Pool.CPU, list(Lane), "host", "cpu", 1), lambda: None)
    assert run_next(Context("cpu", database, store, Waker("redis://127.0.0.1:1"), heartbeat, made), CPU)


@pytest.mark.long
def test_a_store_that_fills_up_fails_the_task_by_name(
    start: Start, store: ObjectStore, job: JobRow, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its attempts, with nothing half-written and nothing left that no row knows."""
    monkeypatch.setattr(module, "STORE_BACKOFF", replace(module.STORE_BACKOFF, until_s=1.0))
    start(ROOM_BYTES)
    there(store)
    for _ in range(MAX_ATTEMPTS):
        run(database, store)
        assert store.keys() == []
        with database.transaction() as session:
            session.execute(text("UPDATE tasks SET available_at = now()"))
    (task,) = read(database, job).tasks
    assert task.error is not None
    assert (task.status, task.error["code"], task.error["retryable"]) == (Status.FAILED, "store_unavailable", True)
    assert events_of(database, job) == ["job.failed"]


@pytest.mark.long
def test_what_was_computed_waits_for_the_store(
    start: Start, store: ObjectStore, job: JobRow, database: Database
) -> None:
    """It is away, comes back with room, and the same attempt ends."""
    narrow = start(ROOM_BYTES)
    there(store)

    def make_room() -> None:
        time.sleep(1.0)
        narrow.kill()
        narrow.wait()
        time.sleep(1.0)
        start(1 << 30)

    helper = threading.Thread(target=make_room)
    helper.start()
    run(database, store)
    helper.join()
    (task,) = read(database, job).tasks
    assert (task.status, task.attempt) == (Status.SUCCEEDED, 1)
    kept = store.keys()
    assert sorted(key.rpartition("/")[2] for key in kept) == ["listen.wav", "sheet.png"]
