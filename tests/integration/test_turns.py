"""Who comes next: owners take turns, short tasks pass long ones, and what waits knows why."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.db.service.workers import beat_worker
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.requeue import hand_back
from phonoscope.db.tasks.waiting import Ahead, count_ahead, queue_depths
from phonoscope.errors import JobEnded, NotFound, WorkerLost
from phonoscope.states import Lane, Pool, Status, TaskName, TaskQueue
from phonoscope.work import Outcome
from tests.integration.life import BOTH, CPU, GPU, SLOW, claim, claimed, empty, end, events_of, new_job, new_track, read


@pytest.fixture(autouse=True)
def nothing_else(database: Database) -> None:
    """No other test's tasks queue here."""
    empty(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM workers"))


def test_an_owner_with_many_jobs_does_not_starve_another(database: Database) -> None:
    """The newcomer's one job comes next, before the ninety-odd that were there first."""
    greedy, modest = new_track(database), new_track(database)
    for _ in range(100):
        new_job(database, greedy)
    for _ in range(3):
        end(database, claimed(database))
    only = new_job(database, modest)
    assert only.id in {end_next(database) for _ in range(2)}


def end_next(database: Database) -> str:
    """The job that was served."""
    held = claimed(database)
    end(database, held)
    return held.job_id


def test_turns_alternate_by_what_work_costs(database: Database) -> None:
    """Two owners with queues full of the same get every other turn."""
    tracks = [new_track(database), new_track(database)]
    for track in tracks:
        for _ in range(6):
            new_job(database, track)
    owners = [claimed(database).track.owner_id for _ in range(8)]
    assert {owners[:8].count(track.owner_id) for track in tracks} == {4}
    assert all(len(set(owners[start : start + 2])) == 2 for start in range(0, 8, 2))


def test_nobody_saves_up_turns(database: Database) -> None:
    """Who asked for nothing while others worked is not served alone afterwards."""
    busy, late = new_track(database), new_track(database)
    for _ in range(20):
        new_job(database, busy)
    for _ in range(10):
        end(database, claimed(database))
    running = claimed(database)
    for _ in range(5):
        new_job(database, late)
    end(database, running)
    served = [claimed(database).track.owner_id for _ in range(6)]
    assert served.count(late.owner_id) in (3, 4)


def test_short_tasks_never_wait_behind_long_ones(database: Database) -> None:
    """A separation queues in a lane of its own, beside the same pool's short tasks."""
    track = new_track(database)
    for _ in range(3):
        new_job(database, track, [TaskName.SEPARATE])
    job = new_job(database, track, [TaskName.DESCRIBE])
    assert claimed(database, CPU).job_id == job.id
    assert claim(database, CPU) is None
    assert claim(database, SLOW) is not None


def test_a_long_recording_queues_among_the_long(database: Database) -> None:
    """Hours take minutes, whatever the task."""
    track = new_track(database)
    track.duration_s = 5 * 3600.0
    new_job(database, track)
    assert claim(database, GPU) is None
    assert claim(database, TaskQueue(Pool.GPU, Lane.LONG)) is not None


def test_a_task_waits_for_the_one_it_needs(database: Database) -> None:
    """It starts once the other has succeeded, and its queue is told to whoever ended that."""
    after = {TaskName.MIXDOWN: TaskName.SEPARATE}
    job = new_job(database, new_track(database), [TaskName.SEPARATE, TaskName.MIXDOWN], waits_for=after)
    held = claimed(database, SLOW)
    assert (set(held.tasks), claim(database, CPU)) == ({TaskName.SEPARATE}, None)
    assert end(database, held) == [CPU]
    end(database, claimed(database, CPU))
    assert read(database, job).status is Status.SUCCEEDED


@pytest.mark.parametrize("way", ["failed", "cancelled"])
def test_a_task_ends_with_the_one_it_needs(database: Database, way: str) -> None:
    """Without stems no mix: it fails for the same reason, or is cancelled with the rest."""
    after = {TaskName.MIXDOWN: TaskName.SEPARATE}
    job = new_job(database, new_track(database), [TaskName.SEPARATE, TaskName.MIXDOWN], waits_for=after)
    if way == "failed":
        end(database, claimed(database, SLOW), separate=Outcome(problem={"code": "model_not_pulled"}))
    else:
        cancel(database, job.owner_id, job.id)
    row = read(database, job)
    assert [task.status for task in row.tasks] == [Status(way)] * 2
    assert row.status is Status(way)
    assert (row.tasks[1].error or {}).get("code") == ("model_not_pulled" if way == "failed" else None)
    assert events_of(database, job) == [f"job.{way}"]


def cancel(database: Database, owner_id: str, job_id: str) -> None:
    with database.transaction() as session:
        cancel_job(session, owner_id, job_id)


def test_a_cancelled_job_never_starts_and_ends_nothing(database: Database) -> None:
    """What queued is out of the queue; who runs it has lost the lease; a second time is refused, and strangers are."""
    queued, running = (new_job(database, new_track(database)) for _ in range(2))
    held = claimed(database)
    if held.job_id == queued.id:
        queued, running = running, queued
    for job in (queued, running):
        cancel(database, job.owner_id, job.id)
        assert read(database, job).status is Status.CANCELLED
        with pytest.raises(JobEnded, match="cancelled"):
            cancel(database, job.owner_id, job.id)
    assert claim(database) is None
    assert end(database, held) is None
    with pytest.raises(NotFound):
        cancel(database, "own_another", queued.id)
    assert events_of(database, running) == ["job.cancelled"]


def ready(database: Database, *lanes: Lane, worker_id: str = "w") -> None:
    with database.transaction() as session:
        beat_worker(session, worker_id, Pool.GPU, lanes or (Lane.SHORT, Lane.LONG), "host", "cpu")


def test_who_waits_knows_how_many_are_ahead(database: Database) -> None:
    """One look counts for a whole page of jobs; a job that no longer waits has none ahead."""
    track = new_track(database)
    first, second = new_job(database, track), new_job(database, track)
    third = new_job(database, track, [TaskName.DESCRIBE])
    ready(database)
    with database.transaction() as session:
        ahead = count_ahead(session, [first, second, third])
    assert {key: each.jobs for key, each in ahead.items()} == {
        (first.id, GPU): 0,
        (second.id, GPU): 1,
        (third.id, CPU): 0,
    }
    assert (ahead[second.id, GPU].workers, ahead[third.id, CPU]) == (1, (0, 0, None))
    assert (ahead[second.id, GPU].estimate_s or 0.0) > (ahead[first.id, GPU].estimate_s or 0.0)
    claimed(database)
    with database.transaction() as session:
        ahead = count_ahead(session, [read(database, first), read(database, second)])
    assert {key: each.jobs for key, each in ahead.items()} == {(second.id, GPU): 0}


def test_the_estimate_follows_what_work_took(database: Database) -> None:
    """Where work lately took a hundred times what was expected, so will what comes."""
    track = new_track(database)
    ready(database)

    def estimate() -> float:
        new_job(database, track)
        with database.transaction() as session:
            return count_ahead(session, [new_job(database, track)]).popitem()[1].estimate_s or 0.0

    quick = estimate()
    end(database, claimed(database))
    with database.transaction() as session:
        longer = "finished_at - 100 * cost_s * interval '1 s'"
        session.execute(text(f"UPDATE tasks SET started_at = {longer} WHERE finished_at IS NOT NULL"))
    assert estimate() > 20 * quick


def ahead_of(database: Database, job: JobRow) -> Ahead:
    """Of a job that waits in one queue."""
    with database.transaction() as session:
        (found,) = count_ahead(session, [job]).values()
    return found


def run_long(database: Database, worker_id: str, spent_s: float = 0.0) -> None:
    """A worker takes a recording of five hours: 360 s of work."""
    track = new_track(database)
    track.duration_s = 5 * 3600.0
    new_job(database, track, [TaskName.CLASSIFY])
    claimed(database, TaskQueue(Pool.GPU, Lane.LONG), worker_id)
    is_at(database, worker_id, 0.0, spent_s)


def is_at(database: Database, worker_id: str, progress: float, spent_s: float) -> None:
    """What a worker has done of its task."""
    statement = "UPDATE tasks SET progress = :progress, started_at = now() - make_interval(secs => :spent_s)"
    values = {"progress": progress, "spent_s": spent_s, "id": worker_id}
    with database.transaction() as session:
        session.execute(text(f"{statement} WHERE worker_id = :id"), values)


def test_what_runs_in_another_lane_counts_where_one_worker_serves_both(database: Database) -> None:
    """The clip is told of the hours before it: by their cost, then by their progress, and never that none is left."""
    ready(database)
    run_long(database, "w")
    clip = new_job(database, new_track(database), [TaskName.CLASSIFY])
    first = ahead_of(database, clip)
    assert (first.jobs, first.workers) == (1, 1)
    assert first.estimate_s == pytest.approx(360.0, abs=10.0)
    for progress, spent_s, left_s in ((0.5, 100.0, 100.0), (0.0, 300.0, 60.0), (0.0, 5_000.0, 0.5)):
        is_at(database, "w", progress, spent_s)
        assert ahead_of(database, clip).estimate_s == pytest.approx(left_s, rel=0.05, abs=0.2)


def test_a_free_worker_takes_what_waits(database: Database) -> None:
    """Whatever others do: nothing is ahead, and only the work before it has to be waited for."""
    ready(database)
    run_long(database, "w")
    ready(database, Lane.SHORT, worker_id="free")
    track = new_track(database)
    clip = new_job(database, track, [TaskName.CLASSIFY])
    assert ahead_of(database, clip) == Ahead(0, 2, 0.0)
    second = new_job(database, track, [TaskName.CLASSIFY])
    assert ahead_of(database, second).estimate_s == pytest.approx(0.2, abs=0.1)


def test_several_workers_share_what_waits(database: Database) -> None:
    """Two that are at work for 100 s and 200 s take 180 s of work: both have done it all after 240 s."""
    for worker_id, spent_s in (("w", 260.0), ("v", 160.0)):
        ready(database, Lane.LONG, worker_id=worker_id)
        run_long(database, worker_id, spent_s=spent_s)
    track = new_track(database)
    track.duration_s = 8_990.0
    new_job(database, track, [TaskName.CLASSIFY])
    last = new_job(database, track, [TaskName.CLASSIFY])
    found = ahead_of(database, last)
    assert (found.jobs, found.workers) == (3, 2)
    assert found.estimate_s == pytest.approx(240.0, abs=3.0)


def test_a_worker_that_is_gone_holds_nothing_up(database: Database) -> None:
    """Its task is about to be handed back; it counts in no estimate."""
    run_long(database, "gone")
    ready(database)
    clip = new_job(database, new_track(database), [TaskName.CLASSIFY])
    assert ahead_of(database, clip) == Ahead(0, 1, 0.0)


def test_queues_tell_how_full_they_are(database: Database) -> None:
    """What can start counts as queued, what waits for another task does not, what ended counts for the hour."""
    track: TrackRow = new_track(database)
    after = {TaskName.MIXDOWN: TaskName.SEPARATE}
    for _ in range(2):
        new_job(database, track, [*BOTH, TaskName.SEPARATE, TaskName.MIXDOWN], waits_for=after)
    end(database, claimed(database))
    claimed(database)
    with database.transaction() as session:
        depths = queue_depths(session)
    assert {queue: (each.queued, each.running, each.ended_last_hour) for queue, each in depths.items()} == {
        GPU: (0, 2, 2),
        TaskQueue(Pool.GPU, Lane.LONG): (0, 0, 0),
        CPU: (0, 0, 0),
        SLOW: (2, 0, 0),
    }
    assert depths[SLOW].oldest_s >= 0.0


def test_a_retried_task_says_so(database: Database) -> None:
    """Its attempts are counted, and it stays in its owner's turn."""
    job = new_job(database, new_track(database))
    held = claimed(database)
    with database.transaction() as session:
        hand_back(session, [held.token], WorkerLost("gone"))
    row = read(database, job)
    assert (row.status, [task.attempt for task in row.tasks]) == (Status.QUEUED, [1, 1])
