"""Jobs as clients see them: made, read, listed. What workers do with their tasks is in ``tasks``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from phonoscope.db.paging import cut, page
from phonoscope.db.tables import JobRow, TaskRow, WorkerRow
from phonoscope.db.workers import LIVE_WITHIN
from phonoscope.errors import NotFound
from phonoscope.ids import new_id
from phonoscope.states import Pool, Status, TaskName

JOB_CHANNEL = "phonoscope_job"
"""The channel on which an ended job's id is told to whoever listens (``NOTIFY``)."""

_WITH_TASKS = selectinload(JobRow.tasks).selectinload(TaskRow.result)


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
        tasks=[
            TaskRow(id=new_id("tsk"), position=position, name=name, pool=name.pool, status=Status.QUEUED, result=None)
            for position, name in enumerate(tasks)
        ],
    )
    session.add(job)
    session.flush()
    return job


def get_job(session: Session, owner_id: str, job_id: str) -> JobRow:
    """The job with its tasks and results. Raises ``NotFound``, also for another owner's job."""
    statement = select(JobRow).where(JobRow.id == job_id, JobRow.owner_id == owner_id).options(_WITH_TASKS)
    row = session.scalar(statement)
    if row is None:
        raise NotFound(f"no job {job_id!r}")
    return row


def list_jobs(
    session: Session, owner_id: str, *, cursor: str | None, limit: int, status: Status | None, track_id: str | None
) -> tuple[list[JobRow], str | None]:
    statement = select(JobRow).where(JobRow.owner_id == owner_id).options(_WITH_TASKS)
    if status is not None:
        statement = statement.where(JobRow.status == status)
    if track_id is not None:
        statement = statement.where(JobRow.track_id == track_id)
    rows = session.scalars(page(statement, JobRow.created_at, JobRow.id, cursor=cursor, limit=limit)).all()
    return cut(rows, limit)


def count_ahead(session: Session, job: JobRow) -> dict[Pool, tuple[int, int]]:
    """For each pool in which the job waits: queued jobs that came before it, and live workers."""
    waiting = {task.pool for task in job.tasks if task.status is Status.QUEUED}
    return {pool: (_jobs_before(session, job, pool), _live_workers(session, pool)) for pool in waiting}


def _jobs_before(session: Session, job: JobRow, pool: Pool) -> int:
    first = min(task.queued_at for task in job.tasks if task.pool is pool)
    statement = select(func.count(TaskRow.job_id.distinct())).where(
        TaskRow.pool == pool, TaskRow.status == Status.QUEUED, TaskRow.queued_at < first, TaskRow.job_id != job.id
    )
    return session.scalar(statement) or 0


def _live_workers(session: Session, pool: Pool) -> int:
    statement = select(func.count()).where(WorkerRow.pool == pool, WorkerRow.heartbeat_at > func.now() - LIVE_WITHIN)
    return session.scalar(statement) or 0
