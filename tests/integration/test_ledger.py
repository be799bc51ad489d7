"""What was computed is not computed again, also not twice at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.states import Status, TaskName
from phonoscope.work import Outcome, Space
from tests.integration.life import CPU, ONE, SLOW, claim, claimed, empty, end, events_of, new_job, new_track, read

KNOWN = {TaskName.CLASSIFY: "a", TaskName.EMBED: "b"}


@pytest.fixture(autouse=True)
def nothing_else(database: Database) -> None:
    """No other test's tasks queue here."""
    empty(database)


def test_a_repeat_is_answered_at_once(database: Database) -> None:
    """It has ended when it is made, with the same results; no worker has anything to do, and its end is told."""
    track = new_track(database)
    first = new_job(database, track, known_by=KNOWN)
    end(database, claimed(database))
    again = new_job(database, track, known_by=KNOWN)
    assert (again.status, claim(database)) == (Status.SUCCEEDED, None)
    kept, repeated = read(database, first), read(database, again)
    assert [task.result.body for task in repeated.tasks if task.result] == [{"a": 1}, {"b": 2}]
    assert [task.source_id for task in repeated.tasks] == [task.id for task in kept.tasks]
    assert repeated.finished_at is not None
    assert events_of(database, again) == ["job.succeeded"]


def test_what_is_new_is_computed_beside_what_is_known(database: Database) -> None:
    """Of a job's tasks only those go to a worker that nobody has asked for before."""
    track = new_track(database)
    new_job(database, track, known_by=KNOWN)
    end(database, claimed(database))
    other = new_job(database, track, known_by={TaskName.CLASSIFY: "a", TaskName.EMBED: "other"})
    assert other.status is Status.RUNNING
    held = claimed(database)
    assert set(held.tasks) == {TaskName.EMBED}
    end(database, held)
    assert read(database, other).status is Status.SUCCEEDED


def test_the_same_at_once_is_computed_once(database: Database) -> None:
    """Of eight jobs made at the same moment one is run, and all end with its results."""
    track = new_track(database)
    barrier = Barrier(8)

    def ask(_: int) -> JobRow:
        barrier.wait()
        return new_job(database, track, known_by=KNOWN)

    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(ask, range(8)))
    held = claimed(database)
    assert claim(database) is None
    end(database, held)
    rows = [read(database, job) for job in jobs]
    assert {row.status for row in rows} == {Status.SUCCEEDED}
    assert all(task.result is not None and task.result.body for row in rows for task in row.tasks)
    assert sorted(task.source_id is None for row in rows for task in row.tasks) == [False] * 14 + [True] * 2
    assert all(events_of(database, job) == ["job.succeeded"] for job in jobs)


def test_who_follows_fails_with_the_leader(database: Database) -> None:
    """The same computation would fail in the same way; what comes later tries anew."""
    track = new_track(database)
    jobs = [new_job(database, track, known_by=KNOWN) for _ in range(2)]
    problem = Outcome(problem={"code": "undecodable_recording"})
    end(database, claimed(database), classify=problem, embed=problem)
    for job in jobs:
        row = read(database, job)
        assert row.status is Status.FAILED
        assert {(task.error or {})["code"] for task in row.tasks} == {"undecodable_recording"}
    assert new_job(database, track, known_by=KNOWN).status is Status.QUEUED


def test_who_follows_a_cancelled_leader_goes_on(database: Database) -> None:
    """The next in line does the work, and those behind it follow that."""
    track = new_track(database)
    jobs = [new_job(database, track, known_by=KNOWN) for _ in range(3)]
    lost = claimed(database)
    with database.transaction() as session:
        assert cancel_job(session, track.owner_id, jobs[0].id) != []
    assert end(database, lost) is None
    held = claimed(database)
    assert held.job_id in {job.id for job in jobs[1:]}
    assert claim(database) is None
    end(database, held)
    assert [read(database, job).status for job in jobs] == [Status.CANCELLED, Status.SUCCEEDED, Status.SUCCEEDED]


def test_another_model_s_result_does_not_count(database: Database) -> None:
    """What the worker used in the end decides, not what was expected of it."""
    track = new_track(database)
    new_job(database, track, known_by=KNOWN)
    other = Outcome({"a": 1}, None, "m", "another digest")
    end(database, claimed(database), classify=other, embed=other)
    assert new_job(database, track, known_by=KNOWN).status is Status.QUEUED


def test_an_embedding_whose_vector_is_gone_is_computed_again(database: Database) -> None:
    """The result alone would not bring the vector back, as when a space was dropped and its model is put back.

    A model beside it takes nothing away.
    """
    track = new_track(database)
    for known_by, digest in (("a", "d"), ("b", "another digest")):
        new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: known_by})
        end(database, claimed(database), embed=Outcome({}, None, "m", digest, vectors={Space("m", digest): {"": ONE}}))
    assert new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: "a"}).status is Status.SUCCEEDED
    with database.transaction() as session:
        session.execute(text("DELETE FROM embeddings WHERE model_digest = 'd'"))
    assert new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: "a"}).status is Status.QUEUED
    end(database, claimed(database))
    assert new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: "a"}).status is Status.SUCCEEDED


def test_stems_whose_vectors_were_replaced_are_embedded_again(database: Database) -> None:
    """The same holds for those of another separation."""
    track = new_track(database)
    for known_by, stem in (("a", "drums"), ("b", "vocals")):
        new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: known_by})
        body, vectors = {"stems": [stem]}, {Space("m", "d"): {"": ONE, stem: ONE}}
        end(database, claimed(database), embed=Outcome(body, None, "m", "d", vectors=vectors))
    assert new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: "b"}).status is Status.SUCCEEDED
    assert new_job(database, track, [TaskName.EMBED], {TaskName.EMBED: "a"}).status is Status.QUEUED


def test_what_waits_for_a_follower_starts_with_its_leader(database: Database) -> None:
    """Of two jobs that take apart and mix the stems are made once, and both mixes can be made then."""
    track = new_track(database)
    tasks, after = [TaskName.SEPARATE, TaskName.MIXDOWN], {TaskName.MIXDOWN: TaskName.SEPARATE}
    jobs = [new_job(database, track, tasks, {TaskName.SEPARATE: "s"}, after) for _ in range(2)]
    held = claimed(database, SLOW)
    assert claim(database, SLOW) is None
    assert end(database, held) == [CPU]
    for _ in jobs:
        end(database, claimed(database, CPU))
    assert {read(database, job).status for job in jobs} == {Status.SUCCEEDED}
    assert all(events_of(database, job) == ["job.succeeded"] for job in jobs)
