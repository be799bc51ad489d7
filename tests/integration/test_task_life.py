"""What the database guarantees about tasks: one claim, one end, and a way back for what was lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.library.erase import delete_track
from phonoscope.db.library.labels import TrackLabels, labels_of
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.claim import claim_next, renew_lease
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.db.tasks.requeue import MAX_ATTEMPTS, expired_leases, hand_back, leases_of, overdue_messages
from phonoscope.errors import OutOfMemory, TaskFailed, WorkerLost
from phonoscope.states import Status, TaskName, TaskQueue
from phonoscope.work import Claim, Outcome, Space
from tests.integration.life import (
    BOTH,
    CPU,
    GPU,
    ONE,
    claim,
    claimed,
    classified,
    empty,
    end,
    events_of,
    new_job,
    new_track,
    read,
    wait_for_a_lock,
)


@pytest.fixture(autouse=True)
def nothing_else(database: Database) -> None:
    """No other test's tasks queue here."""
    empty(database)


def lose(database: Database, held: Claim, why: TaskFailed | None = None) -> list[TaskQueue]:
    """The sweeper takes the lease away."""
    with database.transaction() as session:
        return hand_back(session, [held.token], why or WorkerLost("its worker fell silent"))


def due_now(database: Database) -> None:
    """No backoff is left to wait for."""
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET available_at = now() WHERE status = 'queued'"))


def test_of_many_claims_one_wins(database: Database) -> None:
    """However many workers are woken, one gets the tasks, all of them."""
    new_job(database, new_track(database))
    barrier = Barrier(6)

    def race(_: int) -> Claim | None:
        barrier.wait()
        return claim(database)

    with ThreadPoolExecutor(6) as pool:
        claims = [held for held in pool.map(race, range(6)) if held is not None]
    assert [set(held.tasks) for held in claims] == [set(BOTH)]


def test_two_pools_work_side_by_side(database: Database) -> None:
    """Each pool gets its own tasks of a job; whichever ends last ends the job, also when both end at once."""
    track = new_track(database)
    for _ in range(5):
        job = new_job(database, track, [TaskName.CLASSIFY, TaskName.DESCRIBE])
        barrier = Barrier(2)

        def work(queue: TaskQueue, barrier: Barrier) -> bool:
            barrier.wait()
            held = claimed(database, queue)
            barrier.wait()
            return end(database, held) is not None

        with ThreadPoolExecutor(2) as pool:
            assert all(pool.map(partial(work, barrier=barrier), [GPU, CPU]))
        assert read(database, job).status is Status.SUCCEEDED
        assert events_of(database, job) == ["job.succeeded"]


def test_a_track_can_be_deleted_while_its_tasks_end(database: Database) -> None:
    """The second waits for the first, and neither is refused."""
    track = new_track(database)
    new_job(database, track)
    held = claimed(database)

    def delete() -> list[str]:
        with database.transaction() as session:
            return delete_track(session, Actor(track.owner_id), track.id)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            outcomes = {name: Outcome({"a": 1}, model_name="m", model_digest="d") for name in BOTH}
            assert end_tasks(session, held, outcomes, {}) == []
            deleting = pool.submit(delete)
            wait_for_a_lock(database)
        assert deleting.result(timeout=20) == [track.id]
    assert end(database, held) is None


def test_deleting_a_track_cancels_what_runs(database: Database) -> None:
    """Its job ends as cancelled, which is told, though nothing of it is left to be read."""
    track = new_track(database)
    job = new_job(database, track)
    held = claimed(database)
    with database.transaction() as session:
        delete_track(session, Actor(track.owner_id), track.id)
    assert events_of(database, job) == ["job.cancelled"]
    assert end(database, held) is None


def test_an_end_is_written_once_and_whole(database: Database) -> None:
    """Results, state, label, vector and event come together; the lease cannot be used again."""
    job = new_job(database, new_track(database))
    held = claimed(database)
    heard = classified("dog")
    assert end(database, held, classify=heard) == []
    assert end(database, held) is None
    row = read(database, job)
    assert (row.status, row.finished_at is not None) == (Status.SUCCEEDED, True)
    assert [task.result.body for task in row.tasks if task.result] == [heard.body, {"b": 2}]
    assert events_of(database, job) == ["job.succeeded"]
    with database.transaction() as session:
        assert labels_of(session, [job.track_id or ""]) == {job.track_id: TrackLabels("dog", {"m": ["dog"]})}


def test_vectors_of_stems_stand_beside_the_whole(database: Database) -> None:
    """One embedding for the recording and one for each stem; those of a separation that was replaced go."""
    new_job(database, new_track(database), [TaskName.EMBED])
    held = claimed(database)
    vectors = {Space("m", "d"): {"": [1.0] + [0.0] * 511, "drums": [0.0] * 511 + [1.0]}}
    assert end(database, held, embed=Outcome({"b": 2}, None, "m", "d", vectors=vectors)) == []
    assert stems_of(database, held) == ["", "drums"]
    new_job(database, read_track(database, held), [TaskName.EMBED])
    again = claimed(database)
    vectors = {Space("m", "d"): {"": ONE, "vocals": ONE}}
    assert end(database, again, embed=Outcome({"b": 2}, None, "m", "d", vectors=vectors)) == []
    assert stems_of(database, again) == ["", "vocals"]
    new_job(database, read_track(database, held), [TaskName.EMBED])
    end(database, claimed(database))
    assert stems_of(database, again) == ["", "vocals"]


def test_another_digest_s_vectors_stay_when_the_track_is_embedded_again(database: Database) -> None:
    """Searches read them until the new space is complete; those of the stems stay too."""
    track = new_track(database)
    for model, digest, stems in (("other", "d", ("", "drums")), ("m", "old", ("", "drums")), ("m", "new", ("",))):
        new_job(database, track, [TaskName.EMBED])
        outcome = Outcome({"b": 2}, None, model, digest, vectors={Space(model, digest): dict.fromkeys(stems, ONE)})
        end(database, claimed(database), embed=outcome)
    rows = text("SELECT model_name, model_digest, stem FROM embeddings WHERE track_id = :id ORDER BY 1, 2, 3")
    with database.transaction() as session:
        found = [tuple(row) for row in session.execute(rows, {"id": track.id})]
    of_m = [("m", "new", ""), ("m", "old", ""), ("m", "old", "drums")]
    assert found == [*of_m, ("other", "d", ""), ("other", "d", "drums")]


def stems_of(database: Database, held: Claim) -> list[str]:
    """Of which the track has embeddings."""
    with database.transaction() as session:
        stems = text("SELECT stem FROM embeddings WHERE track_id = :id ORDER BY stem")
        return list(session.connection().scalars(stems, {"id": held.track.id}))


def read_track(database: Database, held: Claim) -> TrackRow:
    with database.transaction() as session:
        return session.get_one(TrackRow, held.track.id)


def test_a_worker_that_lost_its_lease_commits_nothing(database: Database) -> None:
    """A slow worker's lease is given to another, after a pause; what the slow one brings is refused."""
    new_job(database, new_track(database))
    slow = claimed(database)
    assert lose(database, slow) == []
    assert claim(database) is None
    due_now(database)
    quick = claimed(database)
    assert quick.attempt == 2
    assert end(database, slow) is None
    with database.transaction() as session:
        assert not renew_lease(session, slow.token, 0.5, "listening")
    assert end(database, quick) == []


def test_a_task_is_given_up_after_its_attempts(database: Database) -> None:
    """Three lost workers, then a typed failure, for the reason of the last, that ends the job once."""
    job = new_job(database, new_track(database))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert claimed(database).attempt == attempt
        with database.transaction() as session:
            hand_back(session, leases_of(session, "worker"), OutOfMemory("no room"))
        due_now(database)
    row = read(database, job)
    assert row.status is Status.FAILED
    assert {(task.error or {})["code"] for task in row.tasks} == {"out_of_memory"}
    assert claim(database) is None
    assert events_of(database, job) == ["job.failed"]


def test_a_worker_that_is_told_to_stop_gives_back_without_loss(database: Database) -> None:
    """That was no attempt, and another may start at once."""
    new_job(database, new_track(database))
    held = claimed(database)
    with database.transaction() as session:
        assert hand_back(session, [held.token], WorkerLost("stopped"), counts=False) == [GPU, GPU]
    assert claimed(database).attempt == 1


def test_failed_tasks_keep_their_problems(database: Database) -> None:
    """A problem is kept, no result is made of it, and what had been reached stays as it was."""
    job = new_job(database, new_track(database))
    held = claimed(database)
    with database.transaction() as session:
        renew_lease(session, held.token, 0.5, "listening")
    good, bad = Outcome({"a": [1.5, None]}, None, "m", "d"), Outcome(problem={"code": "x"})
    assert end(database, held, classify=good, embed=bad) == []
    row = read(database, job)
    classify, embed = row.tasks
    assert (row.status, classify.status, embed.status) == (Status.FAILED, Status.SUCCEEDED, Status.FAILED)
    assert (embed.error, embed.result, embed.progress) == ({"code": "x"}, None, 0.5)
    assert classify.result is not None
    assert (classify.error, classify.result.body, classify.progress) == (None, {"a": [1.5, None]}, 1.0)


def test_a_live_lease_is_left_alone(database: Database) -> None:
    """Heartbeats keep a task with its worker and write its progress."""
    job = new_job(database, new_track(database))
    held = claimed(database)
    with database.transaction() as session:
        assert renew_lease(session, held.token, 0.25, "listening")
        assert expired_leases(session) == set()
    assert {task.progress for task in read(database, job).tasks} == {0.25}


def test_a_clock_that_jumps_changes_no_live_lease_for_long(database: Database) -> None:
    """An expired lease that its worker renews is another one at the next look."""
    new_job(database, new_track(database))
    held = claimed(database)
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 hour'"))
    with database.transaction() as session:
        (suspect,) = expired_leases(session)
    with database.transaction() as session:
        assert renew_lease(session, held.token, 0.5, "listening")
    with database.transaction() as session:
        assert suspect not in expired_leases(session)


def test_a_lost_message_is_due_again(database: Database) -> None:
    """What waited too long is told once, and then counts as sent; so does what waited for its next attempt."""
    new_job(database, new_track(database))
    with database.transaction() as session:
        assert overdue_messages(session, timedelta(hours=1)) == []
        assert overdue_messages(session, timedelta(seconds=-1)) == [GPU]
        assert overdue_messages(session, timedelta(hours=1)) == []
    lose(database, claimed(database))
    with database.transaction() as session:
        assert overdue_messages(session, timedelta(hours=1)) == []
        session.execute(
            text("UPDATE tasks SET sent_at = now() - interval '9 s', available_at = now() - interval '1 s'")
        )
    with database.transaction() as session:
        assert overdue_messages(session, timedelta(hours=1)) == [GPU]


def test_a_claim_goes_around_what_another_holds(database: Database) -> None:
    """A row that somebody has locked is left to him; the claim waits for nobody."""
    first = new_job(database, new_track(database))
    new_job(database, new_track(database))
    with database.transaction() as session:
        session.execute(text("SELECT id FROM tasks WHERE job_id = :id FOR UPDATE"), {"id": first.id})
        held = claimed(database)
        assert held.job_id != first.id
        assert claim_next(session, GPU, "cpu", "worker") is not None
