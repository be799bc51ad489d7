"""What the chart has KEDA ask PostgreSQL: how many jobs want a worker of each pool."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from phonoscope.db.access.engine import Database
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from tests.integration.life import BOTH, CPU, GPU, SLOW, claimed, empty, end, new_job, new_track
from tests.unit.deploy.chart import ROOT, jobs_queries

LONG = TaskQueue(Pool.GPU, Lane.LONG)


@pytest.fixture(autouse=True)
def nothing_else(database: Database) -> None:
    """No other test's tasks queue here."""
    empty(database)


def wanted(
    database: Database, values: str = "autoscaled", changed: Mapping[str, object] | None = None
) -> dict[str, float]:
    """The answers, by pool; each is a floating-point number, as KEDA reads it."""
    with database.transaction() as session:
        found = {
            pool: session.connection().exec_driver_sql(query).scalar_one()
            for pool, query in jobs_queries(values, changed).items()
        }
    assert all(isinstance(number, float) for number in found.values())
    return found


def lengthen(database: Database, *names: TaskName) -> None:
    """Puts the tasks of these names into the long lane."""
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET lane = 'long' WHERE name = ANY(:names)"), {"names": [*names]})


def test_nothing_wants_no_worker(database: Database) -> None:
    """So that a pool may be scaled to none."""
    assert set(wanted(database).values()) == {0.0}


def test_a_job_counts_once_in_each_queue_until_it_ends(database: Database) -> None:
    """A worker takes all of a job's tasks in a lane together; at work they count as those that wait."""
    job_tasks = [*BOTH, TaskName.DESCRIBE, TaskName.SEPARATE]
    for _ in range(3):
        new_job(database, new_track(database), job_tasks)
    waiting = {"gpu-worker": 3.0, "gpu-long-worker": 0.0, "cpu-worker": 3.0, "cpu-short-worker": 3.0}
    assert wanted(database) == waiting
    held = claimed(database, GPU)
    assert wanted(database) == waiting
    end(database, held)
    assert wanted(database) == waiting | {"gpu-worker": 2.0}
    for _ in range(3):
        end(database, claimed(database, CPU))
    assert wanted(database) == waiting | {"gpu-worker": 2.0, "cpu-short-worker": 0.0}
    for _ in range(3):
        end(database, claimed(database, SLOW))
    assert wanted(database)["cpu-worker"] == 0.0


def test_each_lane_is_its_own(database: Database) -> None:
    """Long recordings want workers of the long lane alone; the CPU pool's workers of both lanes see both."""
    new_job(database, new_track(database), BOTH)
    lengthen(database, *BOTH)
    new_job(database, new_track(database), BOTH)
    new_job(database, new_track(database), [TaskName.SEPARATE])
    assert wanted(database) == {"gpu-worker": 1.0, "gpu-long-worker": 1.0, "cpu-worker": 1.0, "cpu-short-worker": 0.0}
    claimed(database, LONG)
    assert wanted(database)["gpu-long-worker"] == 1.0


def test_what_no_worker_could_take_wants_none(database: Database) -> None:
    """Tasks that wait for another, follow the same one of another job, or are tried again later."""
    track = new_track(database)
    new_job(database, track, [TaskName.SEPARATE, TaskName.MIXDOWN], waits_for={TaskName.MIXDOWN: TaskName.SEPARATE})
    assert wanted(database) == {"gpu-worker": 0.0, "gpu-long-worker": 0.0, "cpu-worker": 1.0, "cpu-short-worker": 0.0}
    for _ in range(2):
        new_job(database, track, [TaskName.CLASSIFY], known_by={TaskName.CLASSIFY: "the same"})
    assert wanted(database)["gpu-worker"] == 1.0
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET available_at = now() + interval '1 minute' WHERE name = 'classify'"))
    assert wanted(database)["gpu-worker"] == 0.0


def test_a_role_that_sees_nothing_else_may_ask(database: Database) -> None:
    """What docs/kubernetes.md grants is enough, and shows neither owners nor what is in a task."""
    grant = re.search(r"GRANT SELECT [^;]+", (ROOT / "docs" / "kubernetes.md").read_text())
    assert grant is not None
    new_job(database, new_track(database), BOTH)
    with database.transaction() as session:
        connection = session.connection()
        connection.exec_driver_sql("CREATE ROLE scaler")
        connection.exec_driver_sql(grant[0])
        connection.exec_driver_sql("SET LOCAL ROLE scaler")
        assert [connection.exec_driver_sql(query).scalar_one() for query in jobs_queries().values()].count(1.0) == 1
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            connection.exec_driver_sql("SELECT owner_id FROM tasks")
        session.rollback()


def test_the_most_that_is_counted_wants_the_most_workers(database: Database) -> None:
    """A long queue is counted in part; even where each job has as many tasks as there are, no worker is missed."""
    most = {"autoscaling": {"maxReplicas": 2, "jobsPerWorker": 3}}
    changed = {"pools": {"gpu-worker": most, "cpu-worker": most}}
    for _ in range(20):
        new_job(database, new_track(database), list(TaskName))
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET pool = 'gpu', lane = 'short', waits_for = NULL"))
    assert 2 * 3 <= wanted(database, "autoscaled", changed)["gpu-worker"] <= 20
    assert len(TaskName) <= 16
