"""A job's state from those of its tasks, as the database settles it."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.tasks.rollup import settle
from phonoscope.states import Status, TaskName
from tests.integration.life import events_of, new_job, new_track, read

Q, R, S, F, C = Status


def stand(database: Database, tasks: tuple[Status, ...] | list[Status]) -> tuple[Status, list[str]]:
    """How a job stands whose tasks stand so, and what was told of it."""
    names = list(TaskName)[: len(tasks)]
    job = new_job(database, new_track(database), names)
    with database.transaction() as session:
        for name, status in zip(names, tasks, strict=True):
            change = text("UPDATE tasks SET status = :status WHERE job_id = :job AND name = :name")
            session.execute(change, {"status": status.value, "job": job.id, "name": name.value})
        settle(session, {job.id})
    row = read(database, job)
    assert (row.finished_at is not None) == row.status.ended
    return row.status, events_of(database, job)


@pytest.mark.parametrize(
    ("tasks", "job"),
    [
        ([Q], Q),
        ([R], R),
        ([S], S),
        ([F], F),
        ([C], C),
        ([Q, Q], Q),
        ([Q, R], R),
        ([Q, S], R),
        ([Q, F], R),
        ([Q, C], R),
        ([R, S], R),
        ([R, F], R),
        ([R, C], R),
        ([S, S], S),
        ([S, F], F),
        ([S, C], C),
        ([F, F], F),
        ([F, C], C),
        ([S, F, C], C),
        ([S, F, Q], R),
    ],
)
def test_a_job_stands_where_its_tasks_do(database: Database, tasks: list[Status], job: Status) -> None:
    """It has ended when all have, and has succeeded when all have; the order of tasks does not matter."""
    told = [f"job.{job}"] if job.ended else []
    assert stand(database, tasks) == stand(database, tasks[::-1]) == (job, told)


@pytest.mark.parametrize("tasks", list(product((Q, R, S, F), repeat=2)))
def test_a_job_ends_when_its_last_task_does(database: Database, tasks: tuple[Status, ...]) -> None:
    """Neither sooner nor later; and it waits only while none has been touched."""
    status, _ = stand(database, tasks)
    assert status.ended == all(task.ended for task in tasks)
    assert (status is Q) == (set(tasks) == {Q})
    assert (status is S) == (set(tasks) == {S})
