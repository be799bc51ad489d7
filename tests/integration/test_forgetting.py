"""Forgetting jobs that ended long ago, against a real database and a real store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.library.ended import Forgotten, forget_ended
from phonoscope.db.library.jobs import newest_job_with
from phonoscope.db.library.maps import newest_map
from phonoscope.db.tasks.family import lock_subject
from phonoscope.states import TaskName
from tests.integration.ended import (
    ANSWERED_ONCE,
    age,
    begin_again,
    do,
    ended,
    jobs,
    jobs_of,
    refer,
    replaced,
    values_of,
)
from tests.integration.life import claimed, end, new_job, new_track

OLD = timedelta(days=10)
_CLASSIFIER = """
    INSERT INTO classifiers (id, owner_id, name, state, model, digest, several, spec, asked_at, job_id, applied)
    VALUES ('cls_' || :job, :owner, 'c', {state}, 'm', 'd', false, '{{}}', now() - interval '40 days', {job}, {applied})
"""
REFERENCES = {
    "a result that is shown": "UPDATE track_results SET task_id = :task WHERE track_id = :track",
    "who computed what is shown": "UPDATE track_results SET produced_by = :task WHERE track_id = :track",
    "a copy of its result": """
        UPDATE tasks SET fingerprint = 'print' WHERE id = :task;
        UPDATE tasks SET fingerprint = 'print', source_id = :task WHERE job_id = :newer
    """,
    "a task that follows": "UPDATE tasks SET follows = :task WHERE job_id = :newer",
    "readers of what was replaced": """
        UPDATE track_results SET finished_at = now() - interval '20 hours';
        UPDATE tasks SET finished_at = now() - interval '20 hours' WHERE job_id = :newer
    """,
    "readers of what another variant did not replace": """
        UPDATE track_results SET finished_at = now() - interval '20 hours';
        UPDATE jobs SET options = '{"classify": {"model": "other"}}' WHERE id = :newer
    """,
    "readers of what another model did not replace": """
        UPDATE track_results SET finished_at = now() - interval '20 hours';
        UPDATE results SET model_name = 'other' WHERE task_id = :task
    """,
    "a map": """
        UPDATE tasks SET name = 'map' WHERE owner_id = :owner;
        UPDATE results SET model_name = 'other' WHERE task_id = :task
    """,
    "a teaching": _CLASSIFIER.format(state="'teaching'", job=":job", applied="'{}'"),
    "a labelling": _CLASSIFIER.format(state="'ready'", job="NULL", applied="jsonb_build_object('job_id', :job)"),
    "a classifier that waits for vectors": _CLASSIFIER.format(state="'embedding'", job="NULL", applied="'{}'"),
    "a reembedding": """
        INSERT INTO spaces (model, digest, kind) VALUES (:job, 'd', 'audio');
        UPDATE jobs SET reembeds = (SELECT id FROM spaces WHERE model = :job) WHERE id = :job;
        INSERT INTO reembeddings (space_id, owner_id, model) SELECT id, :owner, 'm' FROM spaces WHERE model = :job
    """,
    "an event that was not sent out": "UPDATE events SET sent_out_at = NULL WHERE job_id = :job",
    "a delivery that is due": ANSWERED_ONCE.format("'pending'"),
    "metadata to search by": """UPDATE jobs SET metadata = '{"take": 2}' WHERE id = :job""",
    "a task that has not ended": "UPDATE jobs SET status = 'running', finished_at = NULL WHERE id = :job",
    "its youth": "UPDATE jobs SET finished_at = now() - interval '9 days' WHERE id = :job",
}
NO_REFERENCES = {
    "a track that was asked again just now": "UPDATE track_results SET finished_at = now()",
    "a newer map": "UPDATE tasks SET name = 'map' WHERE owner_id = :owner",
    "a classifier that is taught otherwise": _CLASSIFIER.format(state="'ready'", job=":newer", applied="'{}'"),
    "a reembedding that is over": """
        INSERT INTO spaces (model, digest, kind) VALUES (:job, 'd', 'audio');
        UPDATE jobs SET reembeds = (SELECT id FROM spaces WHERE model = :job) WHERE id = :job;
        INSERT INTO reembeddings (space_id, owner_id, model, finished_at)
        SELECT id, :owner, 'm', now() FROM spaces WHERE model = :job
    """,
    "a delivery that was made": ANSWERED_ONCE.format("'delivered'"),
    "one that was given up": ANSWERED_ONCE.format("'dead'"),
    "metadata that a newer job has too": """UPDATE jobs SET metadata = '{"take": 2}' WHERE track_id = :track""",
    "another's copy": "UPDATE tasks SET fingerprint = 'print'; UPDATE tasks SET source_id = 'tsk_1' WHERE id <> :task",
}


def forget(database: Database, older_than: timedelta = OLD, most: int = 1000) -> Forgotten | None:
    return database.retrying(partial(forget_ended, older_than=older_than, most=most))


def test_a_job_that_nothing_shows_is_forgotten(kept: Database) -> None:
    """With its tasks and results; the one that took its place stays, and so do the events of both."""
    ((old, newer),) = replaced(kept)
    assert forget(kept) == Forgotten(1, [])
    assert jobs(kept) == {newer.id}
    with kept.transaction() as session:
        tasks = session.execute(text("SELECT tasks.job_id FROM tasks JOIN results ON task_id = id")).all()
        assert [row.job_id for row in tasks] == [newer.id]
        told = text("SELECT count(*) FROM events WHERE job_id = ANY(:jobs)")
        assert session.scalar(told, {"jobs": [old.id, newer.id]}) == 2


@pytest.mark.parametrize("statements", REFERENCES.values(), ids=REFERENCES)
def test_a_job_that_something_refers_to_stays(kept: Database, statements: str) -> None:
    """Each kind of reference keeps it."""
    ((old, newer),) = replaced(kept)
    refer(kept, statements, values_of(old, newer))
    forget(kept)
    assert old.id in jobs(kept)


@pytest.mark.parametrize("statements", NO_REFERENCES.values(), ids=NO_REFERENCES)
def test_what_looks_like_a_reference_keeps_no_job(kept: Database, statements: str) -> None:
    """So that jobs do go."""
    ((old, newer),) = replaced(kept)
    refer(kept, statements, values_of(old, newer))
    forget(kept)
    assert old.id not in jobs(kept)


def test_what_links_lead_to_is_kept_for_as_long_as_they_are_good(kept: Database) -> None:
    """Where that is longer than a day."""
    ((old, newer),) = replaced(kept)
    do(kept, "UPDATE track_results SET finished_at = now() - interval '5 days'")
    do(kept, "UPDATE tasks SET finished_at = now() - interval '5 days' WHERE job_id = :newer", newer=newer.id)
    week = partial(forget_ended, older_than=OLD, most=1000, links_for=timedelta(days=7))
    assert kept.retrying(week) == Forgotten()
    begin_again(kept)
    assert forget(kept) == Forgotten(1, [])
    assert jobs(kept) == {newer.id} - {old.id}


def test_the_newest_map_of_each_model_stays(kept: Database) -> None:
    """It says how the points were drawn."""
    ((old, newer),) = replaced(kept)
    do(kept, "DELETE FROM track_results; UPDATE tasks SET name = 'map'; UPDATE jobs SET track_id = NULL")
    forget(kept)
    with kept.transaction() as session:
        drawn = newest_map(session, old.owner_id, "m")
    assert drawn is not None
    assert jobs(kept) == {newer.id} == {drawn.job_id}


def test_what_was_copied_goes_after_its_copies(kept: Database) -> None:
    """The next walk takes it."""
    track = new_track(kept)
    known = {TaskName.CLASSIFY: "print"}
    source = new_job(kept, track, [TaskName.CLASSIFY], known)
    end(kept, claimed(kept))
    copy = new_job(kept, track, [TaskName.CLASSIFY], known)
    shown = ended(kept, track)
    age(kept)
    forget(kept)
    assert jobs(kept) == {source.id, shown.id} == {source.id, copy.id, shown.id} - {copy.id}
    begin_again(kept)
    forget(kept)
    assert jobs(kept) == {shown.id}


def test_each_call_looks_at_so_many_tasks_and_goes_on(kept: Database) -> None:
    """In the order of their ends; when all were looked at it rests."""
    pairs = replaced(kept, tracks=4)
    counts = []
    while (found := forget(kept, most=3)) is not None:
        counts.append(found.jobs)
    assert counts == [2, 1, 1]
    assert jobs(kept) == {newer.id for _, newer in pairs}
    assert forget(kept) is None
    begin_again(kept)
    assert forget(kept) == Forgotten()


def test_tasks_that_ended_at_the_same_time_are_each_looked_at(kept: Database) -> None:
    """However many calls it takes."""
    pairs = replaced(kept, tracks=3)
    do(kept, "UPDATE tasks SET finished_at = (SELECT min(finished_at) FROM tasks)")
    while forget(kept, most=1) is not None:
        pass
    assert jobs(kept) == {newer.id for _, newer in pairs}


def test_two_at_once_forget_each_job_once(kept: Database, database_url: str) -> None:
    """Neither fails, and none is left."""
    pairs = replaced(kept, tracks=12)

    def walk() -> int:
        own = Database(database_url, pool_size=1)
        count = 0
        while (found := forget(own, most=2)) is not None:
            count += found.jobs
        own.close()
        return count

    with ThreadPoolExecutor(2) as pool:
        counts = [each.result() for each in [pool.submit(walk) for _ in range(2)]]
    while (found := forget(kept, most=2)) is not None:
        counts.append(found.jobs)
    assert (sum(counts), jobs(kept)) == (12, {newer.id for _, newer in pairs})


def test_a_track_whose_jobs_somebody_changes_is_left_to_the_next_walk(kept: Database) -> None:
    """Nobody is waited for: a job that is being made may repeat what would be forgotten."""
    ((old, newer), (other, _)) = replaced(kept, tracks=2)
    with kept.transaction() as session:
        lock_subject(session, old.track_id or "")
        assert forget(kept) == Forgotten(1, [])
    assert other.id not in jobs(kept)
    assert {old.id, newer.id} <= jobs(kept)
    begin_again(kept)
    assert forget(kept) == Forgotten(1, [])
    assert old.id not in jobs(kept)


def test_a_job_that_goes_while_it_is_read_is_not_there(kept: Database) -> None:
    """Neither in a list, whose tasks are read after their jobs, nor as the newest of its track."""
    ((old, newer), (other, newest)) = replaced(kept, tracks=2)
    do(kept, "DELETE FROM track_results")
    with kept.transaction() as session:
        with after_the_first_statement(session, partial(do, kept, "DELETE FROM jobs WHERE id = :id", id=old.id)):
            listed = jobs_of(session, old)
        assert listed == [newer.id]
        with after_the_first_statement(session, partial(do, kept, "DELETE FROM jobs WHERE id = :id", id=newest.id)):
            assert newest_job_with(session, other.track_id or "", TaskName.CLASSIFY) is None


@contextmanager
def after_the_first_statement(session: Session, action: Callable[[], None]) -> Iterator[None]:
    """What somebody else does once the session has read something."""
    engine, done = session.get_bind(), Event()

    def act(*_: object) -> None:
        if not done.is_set():
            done.set()
            action()

    event.listen(engine, "after_cursor_execute", act)
    yield
    event.remove(engine, "after_cursor_execute", act)
    assert done.is_set()


def test_a_job_is_kept_for_a_day_at_least(kept: Database) -> None:
    """A repeated request is answered with it for so long."""
    ((old, _),) = replaced(kept)
    do(kept, "UPDATE jobs SET finished_at = now() - interval '20 hours'")
    forget(kept, older_than=timedelta(seconds=1))
    assert old.id in jobs(kept)
