"""What must hold once the dust has settled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psutil
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.errors import DatabaseUnavailable
from phonoscope.states import Status
from phonoscope.storage import ObjectStore
from phonoscope_local.state import Run
from tests.chaos.load import Accepted, Load
from tests.chaos.monkey import WORKERS
from tests.support import RunningStack

_SETTLE_S = 240.0
_STUCK = "SELECT count(*) FROM tasks WHERE status IN ('queued', 'running') OR lease_token IS NOT NULL"
_ENDED_TWICE = """
    SELECT job_id FROM events WHERE type IN ('job.succeeded', 'job.failed', 'job.cancelled')
    GROUP BY job_id HAVING count(*) > 1
"""
_UNTOLD = "SELECT id FROM jobs WHERE NOT EXISTS (SELECT FROM events WHERE job_id = jobs.id AND type = 'job.' || status)"
_RESULTS = """
    SELECT tasks.id FROM tasks LEFT JOIN results ON results.task_id = tasks.id
    WHERE (tasks.status = 'succeeded') <> (results.task_id IS NOT NULL)
"""
_UNSETTLED = """
    SELECT jobs.id FROM jobs JOIN tasks ON tasks.job_id = jobs.id GROUP BY jobs.id
    HAVING jobs.finished_at IS NULL OR bool_or(tasks.status IN ('queued', 'running'))
"""


def settle(stack: RunningStack) -> None:
    """Waits until nothing is queued or runs. Raises ``AssertionError`` with what is stuck."""
    database = _database(stack)
    try:
        _until(lambda: _is_still(database), lambda: f"stuck: {_ask(database, 'SELECT * FROM tasks')}")
    finally:
        database.close()


def _is_still(database: Database) -> bool:
    """Not while the last accident keeps the database away."""
    try:
        return _ask(database, _STUCK) == [0]
    except DatabaseUnavailable:
        return False


def assert_nobody_is_left(mark: str) -> None:
    """No process of a stack that has stopped. Raises ``AssertionError``."""
    seen = [process.info for process in psutil.process_iter(["cmdline", "environ"])]
    left = [info["cmdline"] for info in seen if any(mark in value for value in (info["environ"] or {}).values())]
    assert left == []


def judge(stack: RunningStack, load: Load) -> Counter[str]:
    """How the jobs ended, once everything that must hold holds. Raises ``AssertionError`` with what does not."""
    assert load.wrongs == []
    database, store = _database(stack), ObjectStore(stack.settings)
    try:
        assert _ask(database, _ENDED_TWICE) == []
        assert _ask(database, _UNTOLD) == []
        assert _ask(database, _RESULTS) == []
        assert _ask(database, _UNSETTLED) == []
        _until(lambda: _orphans(database, store) == set(), lambda: f"orphans: {_orphans(database, store)}")
        assert _missing(database, store) == set()
    finally:
        database.close()
    _assert_each_worker_is_there_once(stack)
    ends = Counter(_end(load, job) for job in load.accepted)
    assert not {"queued", "running"} & set(ends), ends
    return ends


def _end(load: Load, job: Accepted) -> str:
    with load.http(job.owner) as http:
        answer = http.get(f"/v1/jobs/{job.job_id}")
    if answer.status_code == 404:
        assert job.erased, f"{job.job_id} is gone"
        return "erased"
    found = answer.json()
    if job.cancelled:
        assert found["status"] == Status.CANCELLED, found
    if found["status"] != Status.FAILED:
        return str(found["status"])
    codes = {task["error"]["code"] for task in found["tasks"] if task["error"]}
    assert "task_failed" not in codes, found
    return f"failed: {', '.join(sorted(codes))}"


def _orphans(database: Database, store: ObjectStore) -> set[str]:
    return set(store.keys()) - _known(database)


def _missing(database: Database, store: ObjectStore) -> set[str]:
    return _known(database) - set(store.keys())


def _known(database: Database) -> set[str]:
    return {str(key) for key in _ask(database, "SELECT object_key FROM tracks UNION SELECT object_key FROM artifacts")}


def _assert_each_worker_is_there_once(stack: RunningStack) -> None:
    """And has one child; what that one starts to read recordings does not count."""

    def children(name: str) -> int:
        run = Run.read(stack.folder)
        with suppress(psutil.NoSuchProcess):
            return len(psutil.Process(run.parts[name].pid).children()) if run else 0
        return 0

    _until(lambda: all(children(name) == 1 for name in WORKERS), lambda: "a worker has no child")


def _ask(database: Database, question: str) -> list[object]:
    with database.autocommit() as session:
        return list(session.connection().scalars(text(question)))


def _until(true: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + _SETTLE_S
    while not true():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.5)


def _database(stack: RunningStack) -> Database:
    return Database(stack.settings.database_url.get_secret_value(), pool_size=1)
