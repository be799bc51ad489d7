"""What the database guarantees about tasks: one claim, one end, and a way back for what was lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from time import sleep
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.db.engine import Database
from phonoscope.db.jobs import count_ahead, create_job, get_job
from phonoscope.db.keys import authenticate, create_key, list_keys, revoke_key
from phonoscope.db.tables import TrackRow
from phonoscope.db.tasks import (
    MAX_ATTEMPTS,
    Claim,
    Outcome,
    claim_tasks,
    end_tasks,
    overdue_messages,
    renew_lease,
    requeue_expired,
)
from phonoscope.db.tracks import delete_track
from phonoscope.errors import Unauthorized
from phonoscope.states import Pool, Status, TaskName
from tests.support import add_track

BOTH = [TaskName.CLASSIFY, TaskName.EMBED]


@pytest.fixture
def job(database: Database) -> tuple[str, str]:
    """The owner and the id of a queued job with two tasks for one pool."""
    owner_id, track_id = f"own_{uuid4().hex}", f"trk_{uuid4().hex}"
    with database.transaction() as session:
        add_track(session, owner_id, track_id, track_id)
        return owner_id, create_job(session, owner_id, track_id, BOTH, {}, {}).id


def claim(database: Database, job_id: str) -> Claim | None:
    with database.transaction() as session:
        return claim_tasks(session, job_id, Pool.GPU, "cpu")


def end(database: Database, held: Claim, vector: list[float] | None = None) -> bool:
    outcomes = {
        TaskName.CLASSIFY: Outcome({"a": 1}, None, "m", "d", label="dog", labels_track=True),
        TaskName.EMBED: Outcome({"b": 2}, None, "m", "d", vector=vector or [1.0] + [0.0] * 511),
    }
    with database.transaction() as session:
        return end_tasks(session, held, outcomes, {"model_s": 0.5})


def wait_for_a_lock(database: Database) -> None:
    """Until somebody waits for a lock that another holds."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(200):
        with database.single() as session:
            if session.scalar(waiting):
                return
        sleep(0.05)
    pytest.fail("nobody waited for a lock")


def expire(database: Database, job_id: str) -> None:
    with database.transaction() as session:
        session.execute(
            text("UPDATE tasks SET lease_expires_at = now() - interval '1 second' WHERE job_id = :id"), {"id": job_id}
        )


def test_of_many_claims_one_wins(database: Database, job: tuple[str, str]) -> None:
    """However many workers get the message, one gets the tasks, all of them."""
    barrier = Barrier(6)

    def race(_: int) -> Claim | None:
        barrier.wait()
        return claim(database, job[1])

    with ThreadPoolExecutor(6) as pool:
        claims = [held for held in pool.map(race, range(6)) if held is not None]
    assert len(claims) == 1
    assert set(claims[0].tasks) == set(BOTH)


def test_two_pools_work_side_by_side(database: Database, job: tuple[str, str]) -> None:
    """Each pool gets its own tasks of a job; whichever ends last ends the job, also when both end at once."""
    owner_id, job_id = job
    for _ in range(5):
        with database.transaction() as session:
            track_id = get_job(session, owner_id, job_id).track_id
            other = create_job(session, owner_id, track_id, [TaskName.CLASSIFY, TaskName.DESCRIBE], {}, {}).id
        barrier = Barrier(2)

        def work(pool: Pool, job_id: str, barrier: Barrier) -> bool:
            barrier.wait()
            with database.single() as session:
                held = claim_tasks(session, job_id, pool, "cpu")
            assert held is not None
            barrier.wait()
            with database.transaction() as session:
                return end_tasks(session, held, {name: Outcome({"a": 1}) for name in held.tasks}, {})

        with ThreadPoolExecutor(2) as pool:
            assert all(pool.map(partial(work, job_id=other, barrier=barrier), [Pool.GPU, Pool.CPU]))
        with database.transaction() as session:
            assert get_job(session, owner_id, other).status is Status.SUCCEEDED


def test_a_track_can_be_deleted_while_its_tasks_end(database: Database, job: tuple[str, str]) -> None:
    """Whoever comes second waits: neither the worker nor the one who deletes is turned away by a deadlock."""
    owner_id, job_id = job
    held = claim(database, job_id)
    assert held is not None

    def delete() -> list[str]:
        with database.transaction() as session:
            return delete_track(session, owner_id, held.track.id)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            assert renew_lease(session, held.token, 0.5, "listening")
            deleting = pool.submit(delete)
            wait_for_a_lock(database)
            assert end_tasks(
                session, held, {name: Outcome({"a": 1}, model_name="m", model_digest="d") for name in BOTH}, {}
            )
        assert deleting.result(timeout=20) == [held.track.id]
    assert not end(database, held)


def test_an_end_is_written_once_and_whole(database: Database, job: tuple[str, str]) -> None:
    """Results, state, label and vector come together; the lease cannot be used again."""
    held = claim(database, job[1])
    assert held is not None
    assert end(database, held)
    assert not end(database, held)
    with database.transaction() as session:
        row = get_job(session, *job)
        assert (row.status, row.finished_at is not None) == (Status.SUCCEEDED, True)
        assert [task.result.body for task in row.tasks if task.result] == [{"a": 1}, {"b": 2}]
        assert session.get_one(TrackRow, row.track_id).label == "dog"


def test_a_worker_that_lost_its_lease_commits_nothing(database: Database, job: tuple[str, str]) -> None:
    """A slow worker's lease is given to another; what the slow one brings is refused."""
    slow = claim(database, job[1])
    assert slow is not None
    expire(database, job[1])
    with database.transaction() as session:
        assert requeue_expired(session) == [(job[1], Pool.GPU)]
    quick = claim(database, job[1])
    assert quick is not None
    assert quick.attempt == 2
    assert not end(database, slow, [0.0] * 511 + [1.0])
    with database.transaction() as session:
        assert not renew_lease(session, slow.token, 0.5, "listening")
    assert end(database, quick)


def test_a_task_is_given_up_after_its_attempts(database: Database, job: tuple[str, str]) -> None:
    """Three silent workers, then a typed failure that ends the job."""
    for _ in range(MAX_ATTEMPTS):
        assert claim(database, job[1]) is not None
        expire(database, job[1])
        with database.transaction() as session:
            requeue_expired(session)
    with database.transaction() as session:
        row = get_job(session, *job)
        assert row.status is Status.FAILED
        assert {(task.error or {})["code"] for task in row.tasks} == {"worker_lost"}
    assert claim(database, job[1]) is None


def test_failed_tasks_keep_their_problems(database: Database, job: tuple[str, str]) -> None:
    """A problem is kept, no result is made of it, and what had been reached stays as it was."""
    held = claim(database, job[1])
    assert held is not None
    with database.transaction() as session:
        renew_lease(session, held.token, 0.5, "listening")
        outcomes = {
            TaskName.CLASSIFY: Outcome({"a": [1.5, None]}, None, "m", "d"),
            TaskName.EMBED: Outcome(problem={"code": "x"}),
        }
        assert end_tasks(session, held, outcomes, {})
    with database.transaction() as session:
        row = get_job(session, *job)
        classify, embed = row.tasks
        assert (row.status, classify.status, embed.status) == (Status.FAILED, Status.SUCCEEDED, Status.FAILED)
        assert (embed.error, embed.result, embed.progress) == ({"code": "x"}, None, 0.5)
        assert classify.result is not None
        assert (classify.error, classify.result.body, classify.progress) == (None, {"a": [1.5, None]}, 1.0)


def test_who_waits_knows_how_many_are_ahead(database: Database, job: tuple[str, str]) -> None:
    """One look counts for a whole page of jobs; a job that no longer waits has none ahead."""
    with database.transaction() as session:
        first = get_job(session, *job)
        rows = [create_job(session, first.owner_id, first.track_id, BOTH, {}, {})]
    with database.transaction() as session:
        rows.append(create_job(session, first.owner_id, first.track_id, [TaskName.DESCRIBE], {}, {}))
    with database.transaction() as session:
        ahead = count_ahead(session, [first, *rows])
        before = ahead[first.id, Pool.GPU].jobs
        assert ahead[rows[0].id, Pool.GPU].jobs == before + 1
        assert set(ahead) == {(first.id, Pool.GPU), (rows[0].id, Pool.GPU), (rows[1].id, Pool.CPU)}
        assert claim_tasks(session, first.id, Pool.GPU, "cpu") is not None
    with database.transaction() as session:
        ahead = count_ahead(session, [get_job(session, *job), rows[0]])
        assert {place: each.jobs for place, each in ahead.items()} == {(rows[0].id, Pool.GPU): before}


def test_a_live_lease_is_left_alone(database: Database, job: tuple[str, str]) -> None:
    """Heartbeats keep a task with its worker and write its progress."""
    held = claim(database, job[1])
    assert held is not None
    with database.transaction() as session:
        assert renew_lease(session, held.token, 0.25, "listening")
        assert requeue_expired(session) == []
    with database.transaction() as session:
        assert {task.progress for task in get_job(session, *job).tasks} == {0.25}


def test_a_lost_message_is_due_again(database: Database, job: tuple[str, str]) -> None:
    """What waited too long is told once, and then counts as sent."""
    with database.transaction() as session:
        assert overdue_messages(session, timedelta(hours=1)) == []
        assert (job[1], Pool.GPU) in overdue_messages(session, timedelta(seconds=-1))
        assert overdue_messages(session, timedelta(hours=1)) == []


def test_keys_are_shown_once_and_can_be_revoked(database: Database) -> None:
    """Only a hash is kept; a changed, revoked or foreign key opens nothing."""
    name = uuid4().hex
    with database.transaction() as session:
        key = create_key(session, name)
        again = create_key(session, "second", owner=name)
    secret = key.rpartition("_")[2]
    with database.transaction() as session:
        caller = authenticate(session, key)
        assert authenticate(session, again).owner_id == caller.owner_id
        (row,) = [row for row, _ in list_keys(session) if row.id == caller.key_id]
        assert secret not in row.secret_sha256
        with pytest.raises(Unauthorized):
            authenticate(session, key[:-1] + ("a" if key[-1] != "a" else "b"))
        revoke_key(session, caller.key_id)
    with database.transaction() as session, pytest.raises(Unauthorized):
        authenticate(session, key)
