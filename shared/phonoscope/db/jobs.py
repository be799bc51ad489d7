"""Jobs as clients see them: made, read, listed. What workers do with their tasks is in ``tasks``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.orm import Session, joinedload, selectinload

from phonoscope.db.paging import cut, page
from phonoscope.db.tables import JobRow, TaskRow, given
from phonoscope.db.workers import LIVE_WITHIN
from phonoscope.errors import NotFound
from phonoscope.ids import new_id
from phonoscope.states import Pool, Status, TaskName

JOB_CHANNEL = "phonoscope_job"
"""The channel on which an ended job's id is told to whoever listens (``NOTIFY``)."""


class Ahead(NamedTuple):
    """Why a job waits in a pool."""

    jobs: int
    workers: int


_WHOLE = (
    select(JobRow)
    .where(JobRow.id == bindparam("of_id"), JobRow.owner_id == bindparam("of_owner"))
    .options(joinedload(JobRow.tasks).joinedload(TaskRow.result))
)
_ADD_JOB = insert(JobRow).returning(JobRow.created_at)
_ADD_TASKS = insert(TaskRow)
_AHEAD = text(
    """
    SELECT job_id, pool,
           (SELECT count(DISTINCT tasks.job_id) FROM tasks
            WHERE tasks.pool = own.pool AND status = 'queued' AND queued_at < since AND tasks.job_id <> own.job_id),
           (SELECT count(*) FROM workers WHERE workers.pool = own.pool AND heartbeat_at > now() - :live_within)
    FROM (
        SELECT job_id, pool, min(queued_at) AS since FROM tasks
        WHERE job_id = ANY(:jobs) AND status = 'queued' GROUP BY job_id, pool
    ) AS own
    """
).bindparams(live_within=LIVE_WITHIN)


def create_job(
    session: Session,
    owner_id: str,
    track_id: str,
    tasks: list[TaskName],
    options: dict[str, Any],
    metadata: dict[str, Any],
) -> JobRow:
    """A queued job with its tasks. The caller commits, then sends one message for each pool."""
    job = JobRow(
        id=new_id("job"),
        owner_id=owner_id,
        track_id=track_id,
        status=Status.QUEUED,
        options=options,
        client_metadata=metadata,
    )
    job.tasks = [
        TaskRow(
            id=new_id("tsk"),
            job_id=job.id,
            position=position,
            name=name,
            pool=name.pool,
            status=Status.QUEUED,
            attempt=0,
            progress=0.0,
            stage="waiting",
            timings={},
        )
        for position, name in enumerate(tasks)
    ]
    connection = session.connection()
    job.created_at = connection.execute(_ADD_JOB, given(job)).scalar_one()
    connection.execute(_ADD_TASKS, [given(task) for task in job.tasks])
    return job


def get_job(session: Session, owner_id: str, job_id: str) -> JobRow:
    """The job with its tasks and results. Raises ``NotFound``, also for another owner's job."""
    row = session.scalars(_WHOLE, {"of_id": job_id, "of_owner": owner_id}).unique().one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id!r}")
    return row


def newest_job_with(session: Session, track_id: str, task: TaskName) -> JobRow | None:
    """The track's job that asked last for this task. The caller has checked whose track it is."""
    statement = (
        select(JobRow)
        .join(JobRow.tasks)
        .where(JobRow.track_id == track_id, TaskRow.name == task)
        .options(selectinload(JobRow.tasks).selectinload(TaskRow.result))
    )
    return session.scalar(statement.order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(1))


def newest_result(session: Session, track_id: str, task: TaskName) -> tuple[TaskRow, dict[str, Any]] | None:
    """The task of this name that succeeded last for the track, and its result's body. The caller has checked whose."""
    statement = (
        select(TaskRow)
        .join(JobRow, JobRow.id == TaskRow.job_id)
        .where(JobRow.track_id == track_id, TaskRow.name == task, TaskRow.status == Status.SUCCEEDED)
        .options(joinedload(TaskRow.result))
        .order_by(TaskRow.finished_at.desc(), TaskRow.id.desc())
    )
    row = session.scalar(statement.limit(1))
    return None if row is None or row.result is None else (row, row.result.body)


def list_jobs(
    session: Session, owner_id: str, *, cursor: str | None, limit: int, status: Status | None, track_id: str | None
) -> tuple[list[JobRow], str | None]:
    whole = selectinload(JobRow.tasks).selectinload(TaskRow.result)
    statement = select(JobRow).where(JobRow.owner_id == owner_id).options(whole)
    if status is not None:
        statement = statement.where(JobRow.status == status)
    if track_id is not None:
        statement = statement.where(JobRow.track_id == track_id)
    rows = session.scalars(page(statement, JobRow.created_at, JobRow.id, cursor=cursor, limit=limit)).all()
    return cut(rows, limit)


def count_ahead(session: Session, jobs: Sequence[JobRow]) -> dict[tuple[str, Pool], Ahead]:
    """For each job and pool in which it waits: queued jobs that came before it, and live workers."""
    waiting = [job.id for job in jobs if any(task.status is Status.QUEUED for task in job.tasks)]
    if not waiting:
        return {}
    rows = session.connection().execute(_AHEAD, {"jobs": waiting})
    return {(job_id, Pool(pool)): Ahead(before, workers) for job_id, pool, before, workers in rows}
