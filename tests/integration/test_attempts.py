"""However an attempt goes wrong between claim and commit, its task ends at once, with a problem of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.tasks.requeue import MAX_ATTEMPTS
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Artifact, Outcome, Space
from phonoscope_worker import Context, Work
from phonoscope_worker import run as module
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_next
from tests.integration.life import BOTH, GPU, ONE, empty, events_of, new_job, new_track, read
from tests.support import Recorded, RunningStack

Run = Callable[[Callable[[Work], dict[TaskName, Outcome]]], bool]


@pytest.fixture
def store(stack: RunningStack) -> ObjectStore:
    """The stack's own."""
    return ObjectStore(stack.settings)


@pytest.fixture
def heartbeat(database: Database) -> Heartbeat:
    return Heartbeat(database, WorkerIdentity(Pool.GPU, list(Lane), f"host-{uuid4().hex}", "cpu", 1), lambda: None)


@pytest.fixture
def run(database: Database, store: ObjectStore, heartbeat: Heartbeat) -> Run:
    """Runs what is next in the GPU pool with a handler."""
    empty(database)
    waker = Waker("redis://127.0.0.1:1")
    return lambda handler: run_next(Context("cpu", database, store, waker, heartbeat, handler), GPU)


@pytest.fixture
def job(database: Database, run: Run) -> JobRow:
    """Of one task."""
    return new_job(database, new_track(database), [TaskName.CLASSIFY])


def giving(body: dict[str, Any], **more: Any) -> Callable[[Work], dict[TaskName, Outcome]]:
    """A handler whose tasks all have this result."""
    return lambda work: {name: Outcome(body, None, "m", "d", **more) for name in work.claim.tasks}


def good(work: Work) -> dict[TaskName, Outcome]:
    return giving({"a": 1})(work)


def problem_of_first_attempt(database: Database, job: JobRow) -> dict[str, Any]:
    """Fails the test unless the job has failed with its first attempt, and that was told."""
    (task,) = read(database, job).tasks
    assert (task.status, task.attempt, task.lease_token) == (Status.FAILED, 1, None)
    assert events_of(database, job) == ["job.failed"]
    assert task.error is not None
    return task.error


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"tempo_bpm": float("nan")}, "classify: result.tempo_bpm is nan"),
        ({"windows": [{"top": [{"p": 1.0}, {"p": float("-inf")}]}]}, "classify: result.windows[0].top[1].p is -inf"),
        ({"key": {"C", "G"}}, "classify: result.key is a set, which JSON cannot hold"),
        ({"label": "a\x00b"}, "classify: result.label holds a character that PostgreSQL cannot store"),
        ({"label": "\ud800"}, "classify: result.label holds a character that PostgreSQL cannot store"),
        ({"a\x00b": 1}, "classify: a key of result holds a character that PostgreSQL cannot store"),
    ],
)
def test_a_result_that_cannot_be_stored_names_its_field(
    run: Run, job: JobRow, database: Database, body: dict[str, Any], detail: str
) -> None:
    """The same result would come of every attempt, so there is no other."""
    assert run(giving(body))
    problem = problem_of_first_attempt(database, job)
    assert (problem["code"], problem["detail"], problem["retryable"]) == ("unstorable_result", detail, False)


def test_what_only_looks_unstorable_is_stored(run: Run, job: JobRow, database: Database) -> None:
    """The escape of a character as text, letters of every alphabet, a number of 25 digits."""
    body = {"a": r"\u0000", "b": "Ω𝄞", "c": 0.1, "d": 2**80, "e": [None, True, ()]}
    assert run(giving(body))
    (task,) = read(database, job).tasks
    assert (task.status, task.error) == (Status.SUCCEEDED, None)
    assert task.result is not None
    assert task.result.body == body | {"e": [None, True, []]}


def test_one_task_s_bad_result_leaves_the_other_its_own(run: Run, database: Database, store: ObjectStore) -> None:
    """Of two tasks in one pass; of the bad one no object stays."""
    job = new_job(database, new_track(database), BOTH)

    def handler(work: Work) -> dict[TaskName, Outcome]:
        sheet = Artifact("sheet.png", "sheet", "image/png", io.BytesIO(b"a sheet"))
        return {
            TaskName.CLASSIFY: Outcome({"p": float("nan")}, None, "m", "d", artifacts=(sheet,)),
            TaskName.EMBED: Outcome({"b": 2}, None, "m", "d", vectors={Space("m", "d"): {"": ONE}}),
        }

    assert run(handler)
    classify, embed = read(database, job).tasks
    assert (classify.status, embed.status) == (Status.FAILED, Status.SUCCEEDED)
    assert (classify.error or {})["code"] == "unstorable_result"
    assert embed.result is not None
    assert store.keys(f"tracks/{job.track_id}/") == []


@pytest.mark.parametrize("vector", [[float("nan"), *ONE[1:]], [float("inf")]])
def test_a_vector_must_be_finite(run: Run, job: JobRow, database: Database, vector: list[float]) -> None:
    """PostgreSQL would refuse the whole end."""
    assert run(giving({"a": 1}, vectors={Space("m", "d"): {"drums": vector}}))
    problem = problem_of_first_attempt(database, job)
    assert problem["detail"] == "classify: vectors['drums'] of m holds a number that is not finite"


def test_an_end_that_postgresql_refuses_fails_the_task(
    run: Run, job: JobRow, database: Database, store: ObjectStore
) -> None:
    """A vector of another space; the problem says what PostgreSQL said, and no object stays."""
    sheet = Artifact("sheet.png", "sheet", "image/png", b"a sheet")
    assert run(giving({"a": 1}, vectors={Space("m", "d"): {"": [1.0, 0.0]}}, artifacts=(sheet,)))
    problem = problem_of_first_attempt(database, job)
    assert problem["code"] == "unstorable_result"
    assert "expected 512 dimensions, not 2" in problem["detail"]
    assert store.keys(f"tracks/{job.track_id}/") == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"classify": {"mood": True}}, "options.classify.mood"),
        ({"stereo_track": 2}, "options.stereo_track"),
        ({"audio_track": "best"}, "options.audio_track"),
    ],
)
def test_an_option_of_another_release_is_left_to_another_worker(
    run: Run, job: JobRow, database: Database, options: dict[str, Any], field: str
) -> None:
    """During an upgrade: it is no attempt, however often; once its worker has come, the job succeeds."""
    given = "UPDATE jobs SET options = CAST(:options AS jsonb) WHERE id = :id"
    with database.transaction() as session:
        session.execute(text(given), {"id": job.id, "options": json.dumps(options)})
    called: list[Work] = []

    def handler(work: Work) -> dict[TaskName, Outcome]:
        called.append(work)
        return good(work)

    for _ in range(MAX_ATTEMPTS + 2):
        assert run(handler)
        assert not run(handler), "it pauses"
        (task,) = read(database, job).tasks
        assert (task.status, task.attempt, task.lease_token, task.error) == (Status.QUEUED, 0, None, None)
        due_now(database)
    assert called == []
    with database.transaction() as session:
        session.execute(text(given), {"id": job.id, "options": "{}"})
    assert run(handler)
    assert read(database, job).status is Status.SUCCEEDED


def test_an_option_that_no_worker_knows_ends_the_task(run: Run, job: JobRow, database: Database) -> None:
    """An hour after it was queued attempts count; the problem names the option, and the handler is never called."""
    with database.transaction() as session:
        options = """UPDATE jobs SET options = '{"classify": {"mood": true}}' WHERE id = :id"""
        session.execute(text(options), {"id": job.id})
    queued_long_ago(database)
    for _ in range(MAX_ATTEMPTS):
        due_now(database)
        assert run(lambda _: pytest.fail("the handler is called"))
    (task,) = read(database, job).tasks
    assert task.status is Status.FAILED
    assert task.error is not None
    assert (task.error["code"], task.error["retryable"]) == ("unsupported_task", True)
    assert task.error["detail"].startswith("options.classify.mood: ")
    assert events_of(database, job) == ["job.failed"]


def test_a_handler_that_forgets_a_task_fails_it(run: Run, job: JobRow, database: Database, recorded: Recorded) -> None:
    """It would otherwise stay running."""
    assert run(lambda _: {})
    assert problem_of_first_attempt(database, job)["code"] == "task_failed"
    assert recorded("tasks_ended_total", task="classify", status="failed") == 1
    assert recorded("task_failures_total", code="task_failed") == 1


def test_a_worker_that_lost_its_lease_counts_it_once(
    run: Run, job: JobRow, database: Database, heartbeat: Heartbeat, recorded: Recorded
) -> None:
    """However often it looks; its result is not taken."""

    def lose(work: Work) -> dict[TaskName, Outcome]:
        with database.transaction() as session:
            session.execute(text("UPDATE tasks SET lease_token = 'another' WHERE job_id = :job"), {"job": job.id})
        heartbeat._beat()
        heartbeat._beat()
        return good(work)

    assert run(lose)
    assert recorded("lease_losses_total", found_by="worker") == 1
    assert recorded("tasks_ended_total") == 0
    assert read(database, job).tasks[0].status is Status.RUNNING


def test_a_problem_that_cannot_be_stored_is_replaced(run: Run, job: JobRow, database: Database) -> None:
    """Such as one that quotes a file's name with a NUL in it."""
    assert run(lambda work: {name: Outcome(problem={"code": "x", "detail": "a\x00"}) for name in work.claim.tasks})
    assert problem_of_first_attempt(database, job)["detail"].startswith("classify: problem.detail holds a character")


def test_an_error_at_the_commit_fails_the_task(
    run: Run, job: JobRow, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is; the service then writes what it can."""
    ends = iter([RuntimeError("a fault of ours")])

    def end_once_broken(*arguments: Any) -> Any:
        for error in ends:
            raise error
        return end_tasks(*arguments)

    monkeypatch.setattr(module, "end_tasks", end_once_broken)
    assert run(good)
    problem = problem_of_first_attempt(database, job)
    assert (problem["code"], problem["retryable"]) == ("task_failed", True)
    assert "a fault of ours" not in problem["detail"]


@pytest.mark.long
def test_an_end_that_can_never_be_written_is_handed_back(
    run: Run, job: JobRow, database: Database, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """Another worker may be of a release that can; after the last attempt the problem is no lost worker's."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("no such column")

    monkeypatch.setattr(module, "end_tasks", broken)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        due_now(database)
        assert run(good)
        (task,) = read(database, job).tasks
        assert (task.attempt, task.lease_token) == (attempt, None)
    assert task.status is Status.FAILED
    assert (task.error or {})["code"] == "task_failed"
    assert recorded("attempts_total", pool="gpu", lane="short", end="unfinished") == MAX_ATTEMPTS
    assert recorded("attempts_total") == MAX_ATTEMPTS


def test_a_task_of_another_release_is_left_to_another_worker(run: Run, job: JobRow, database: Database) -> None:
    """It queues again for a worker that knows it, for an hour without attempts; other tasks are run meanwhile."""
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET name = 'dream' WHERE job_id = :id"), {"id": job.id})
    other = new_job(database, new_track(database), [TaskName.CLASSIFY])
    assert run(good)
    assert run(good)
    assert read(database, other).status is Status.SUCCEEDED
    due_now(database)
    assert run(good)
    with database.transaction() as session:
        waits = session.execute(text("SELECT status, attempt FROM tasks WHERE name = 'dream'")).one()
    assert tuple(waits) == ("queued", 0)
    queued_long_ago(database)
    for _ in range(MAX_ATTEMPTS):
        due_now(database)
        assert run(good)
    with database.transaction() as session:
        found = session.execute(text("SELECT status, error ->> 'code' FROM tasks WHERE name = 'dream'")).one()
    assert tuple(found) == ("failed", "unsupported_task")
    assert events_of(database, job) == ["job.failed"]


def queued_long_ago(database: Database) -> None:
    """Longer ago than any upgrade takes."""
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET queued_at = now() - interval '2 hours' WHERE status = 'queued'"))


def due_now(database: Database) -> None:
    """No pause is left to wait for."""
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET available_at = now() WHERE status = 'queued'"))
