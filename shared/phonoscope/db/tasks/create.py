"""Creating jobs: which tasks have a result already, where the others queue, and when their turn comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from phonoscope.costs import cost_s, queues_of
from phonoscope.db.access.prepared import Prepared
from phonoscope.db.schema.accounts import IN_ACCOUNT
from phonoscope.db.schema.tables import JobRow, ResultRow, TaskRow, TrackRow, given
from phonoscope.db.tasks.family import lock_subject
from phonoscope.db.tasks.ledger import Repeats, find_repeats
from phonoscope.db.tasks.results import record_results
from phonoscope.db.tasks.rollup import settle
from phonoscope.ids import new_id
from phonoscope.states import Status, TaskName, TaskQueue
from phonoscope.traces import current_span
from phonoscope.work import CacheKey, Library

_ADD_JOB = insert(JobRow).returning(JobRow.created_at)
_ADD_TASKS = insert(TaskRow)
_ADD_RESULTS = insert(ResultRow)
_STATE = select(JobRow.status, JobRow.finished_at, JobRow.version)

# Start-time fair queuing (Goyal, Vin and Cheng, 1996): a task's turn comes after all that its owner has queued before,
# but no earlier than what is served now, so that an owner who asks for nothing saves up no turns. Clips of searches are
# queued by their owner.
_TURN = Prepared(
    f"""
    SELECT greatest(
        coalesce(
            (SELECT max(turn) FROM tasks
             WHERE pool = :pool AND lane = :lane AND status = 'running' AND turn < 'infinity'),
            (SELECT min(turn) FROM tasks
             WHERE pool = :pool AND lane = :lane AND status = 'queued' AND turn < 'infinity'),
            0),
        coalesce(
            (SELECT max(latest.turn) FROM ({IN_ACCOUNT}) AS own
             CROSS JOIN LATERAL (
                 SELECT turn + sum(cost_s) AS turn FROM tasks
                 WHERE owner_id = own.id AND pool = :pool AND lane = :lane AND status IN ('queued', 'running')
                   AND turn < 'infinity'
                 GROUP BY turn ORDER BY turn DESC LIMIT 1) AS latest),
            0))
    """,  # noqa: S608 - of constants alone
    types={"owner_id": "text", "pool": "text", "lane": "text"},
)


def create_job(
    session: Session,
    subject: TrackRow | Library,
    tasks: Collection[TaskName],
    options: dict[str, Any],
    metadata: dict[str, Any],
    *,
    ledger: Mapping[TaskName, CacheKey] | None = None,
    further: Collection[TaskName] = (),
    waits_for: Mapping[TaskName, TaskName] | None = None,
    webhook_url: str | None = None,
    key_id: str | None = None,
    reembeds: int | None = None,
) -> JobRow:
    """A job with its tasks. The caller commits, then wakes one worker for each of its ``startable_queues``.

    Args:
        subject: what the tasks are about.
        ledger: each task's cache key. A task whose result is there has ended at once, and one that is computed for
            another job follows that job's task.
        further: tasks that run a further body, and cost more.
        waits_for: which task of the same job must have succeeded before another starts.
        webhook_url: where the event of its end goes, beside the owner's endpoints.
        key_id: the API key that asked.
        reembeds: the space that the job fills in the background: its turn comes after all other work.

    The trace that goes on here goes on in its attempts.

    Raises ``sqlalchemy.exc.IntegrityError`` when the track has been erased meanwhile.
    """
    lock_subject(session, subject.id or subject.owner_id)
    repeats = find_repeats(session, subject.id or subject.owner_id, ledger) if ledger else Repeats()
    job = JobRow(
        id=new_id("job"),
        owner_id=subject.owner_id,
        track_id=subject.id,
        status=Status.QUEUED,
        options=options,
        client_metadata=metadata,
        version=0,
        webhook_url=webhook_url,
        key_id=key_id,
        reembeds=reembeds,
        audio_s=subject.duration_s,
        traceparent=current_span().traceparent,
    )
    connection = session.connection()
    job.created_at = connection.execute(_ADD_JOB, given(job)).scalar_one()
    where = queues_of(tasks, subject.duration_s, further)
    new = {where[name] for name in tasks if name not in repeats.found}
    turns = {queue: inf if reembeds else _turn(session, subject.owner_id, queue) for queue in sorted(new)}
    job.tasks = []
    for position, name in enumerate(tasks):
        cost = cost_s(name, subject.duration_s, further)
        task = _task(job, name, position, cost, where[name], turns.get(where[name], 0.0))
        task.fingerprint = ledger[name].fingerprint if ledger and name in ledger else None
        before = (waits_for or {}).get(name)
        task.waits_for = None if before in repeats.found else before
        task.follows = repeats.computing.get(name)
        if name in repeats.found:
            _repeat(task, repeats.found[name], job)
        job.tasks.append(task)
    connection.execute(_ADD_TASKS, [_values(task) for task in job.tasks])
    if repeats.found:
        results = [task.result for task in job.tasks if task.result is not None]
        connection.execute(
            _ADD_RESULTS, [dict.fromkeys(("model_name", "model_digest")) | given(row) for row in results]
        )
        settle(session, {job.id})
        record_results(session, [row.task_id for row in results])
        job.status, job.finished_at, job.version = connection.execute(_STATE.where(JobRow.id == job.id)).one()
    return job


def startable_queues(job: JobRow) -> list[TaskQueue]:
    """Where the job's tasks can be started, each queue once."""
    free = [task for task in job.tasks if task.status is Status.QUEUED and not task.waits_for and not task.follows]
    return sorted({TaskQueue(task.pool, task.lane) for task in free})


def _turn(session: Session, owner_id: str, queue: TaskQueue) -> float:
    facts = {"owner_id": owner_id, "pool": queue.pool.value, "lane": queue.lane.value}
    turn: float = _TURN.execute(session, facts).scalar_one()
    return turn


def _task(job: JobRow, name: TaskName, position: int, cost: float, queue: TaskQueue, turn: float) -> TaskRow:
    return TaskRow(
        id=new_id("tsk"),
        job_id=job.id,
        owner_id=job.owner_id,
        position=position,
        name=name,
        pool=queue.pool,
        lane=queue.lane,
        cost_s=cost,
        turn=turn,
        status=Status.QUEUED,
        attempt=0,
        progress=0.0,
        stage="waiting",
        timings={},
    )


def _repeat(task: TaskRow, before: TaskRow, job: JobRow) -> None:
    assert before.result is not None
    task.status, task.stage, task.progress = Status.SUCCEEDED, Status.SUCCEEDED.value, 1.0
    task.waits_for = task.follows = None
    task.source_id, task.device, task.timings = before.id, before.device, before.timings
    task.started_at = task.finished_at = job.created_at
    result = before.result
    task.result = ResultRow(
        task_id=task.id, model_name=result.model_name, model_digest=result.model_digest, body=result.body
    )


def _values(task: TaskRow) -> dict[str, Any]:
    """All that is set of a task, with the same columns for each, so that they go in one statement."""
    optional = ("waits_for", "follows", "fingerprint", "source_id", "device", "started_at", "finished_at")
    return dict.fromkeys(optional) | given(task)
