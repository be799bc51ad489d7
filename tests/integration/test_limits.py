"""What becomes of a task that takes longer than it may, with a worker's own heartbeat."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.tasks.requeue import MAX_ATTEMPTS
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Outcome
from phonoscope_worker import Context, Work
from phonoscope_worker import heartbeat as beating
from phonoscope_worker import run as working
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_next
from tests.integration.life import GPU, empty, events_of, new_job, new_track, read

LIMIT_S = 0.3


@pytest.fixture
def context(server_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """A worker that may take 0.3 s for anything, and takes minutes."""
    monkeypatch.setattr(beating, "BEAT_S", 0.05)
    monkeypatch.setattr(working, "time_limit_s", lambda *_: LIMIT_S)
    empty(database)
    before = signal.getsignal(beating._INTERRUPT)
    heartbeat = Heartbeat(database, WorkerIdentity(Pool.GPU, list(Lane), "host", "cpu", os.getpid()), lambda: None)
    heartbeat.start()
    yield Context("cpu", database, ObjectStore(server_settings), Waker("redis://127.0.0.1:1"), heartbeat, endless)
    heartbeat.stop()
    signal.signal(beating._INTERRUPT, before)


def endless(work: Work) -> dict[TaskName, Outcome]:
    """A library's loop that never looks up."""
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline:
        work.report(0.5, "looping")
    return {name: Outcome({}) for name in work.claim.tasks}


def test_a_task_beyond_its_limit_is_tried_again_and_given_up(context: Context, database: Database) -> None:
    """It queues for its next attempt after a pause; after the last it has failed, and its job with it."""
    job = new_job(database, new_track(database), [TaskName.CLASSIFY])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        started = time.monotonic()
        assert run_next(context, GPU)
        assert time.monotonic() - started < 60.0
        (task,) = read(database, job).tasks
        assert task.attempt == attempt
        assert task.lease_token is None
        if attempt < MAX_ATTEMPTS:
            assert (task.status, task.available_at > task.queued_at) == (Status.QUEUED, True)
            assert not run_next(context, GPU), "it pauses before the next attempt"
            with database.transaction() as session:
                session.execute(text("UPDATE tasks SET available_at = now()"))
    assert task.status is Status.FAILED
    assert task.error is not None
    assert (task.error["code"], task.error["retryable"]) == ("timed_out", True)
    assert "0 s" in task.error["detail"]
    assert read(database, job).status is Status.FAILED
    assert events_of(database, job) == ["job.failed"]


def test_the_worker_goes_on_with_other_work(
    context: Context, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was called off leaves it as it was."""
    new_job(database, new_track(database), [TaskName.CLASSIFY])
    assert run_next(context, GPU)
    monkeypatch.setattr(working, "time_limit_s", lambda *_: 60.0)
    other = new_job(database, new_track(database), [TaskName.CLASSIFY])
    quick = Context(
        "cpu", database, context.store, context.waker, context.heartbeat, lambda _: {TaskName.CLASSIFY: Outcome({})}
    )
    assert run_next(quick, GPU)
    assert read(database, other).status is Status.SUCCEEDED
