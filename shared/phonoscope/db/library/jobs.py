"""Jobs as clients read and list them. What workers do with their tasks is in ``db.tasks``."""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import Session, joinedload, selectinload

from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.tables import JobRow, TaskRow
from phonoscope.db.tasks.cancel import no_job
from phonoscope.states import Status, TaskName

_WHOLE = (
    select(JobRow)
    .where(JobRow.id == bindparam("of_id"), JobRow.owner_id == bindparam("of_owner"))
    .options(joinedload(JobRow.tasks).joinedload(TaskRow.result))
)


def get_job(session: Session, owner_id: str, job_id: str) -> JobRow:
    """The job with its tasks and results. Raises ``NotFound``, also for another owner's job."""
    row = session.scalars(_WHOLE, {"of_id": job_id, "of_owner": owner_id}).unique().one_or_none()
    if row is None:
        raise no_job(job_id)
    return row


def newest_job_with(session: Session, track_id: str, task: TaskName, audio_track: int | None = None) -> JobRow | None:
    """The track's job that asked last for this task, of this audio track. The caller has checked whose track it is."""
    asked = JobRow.options["audio_track"].astext.cast(Integer)
    statement = (
        select(JobRow)
        .join(JobRow.tasks)
        .where(JobRow.track_id == track_id, TaskRow.name == task, asked.is_not_distinct_from(audio_track))
        .options(selectinload(JobRow.tasks).selectinload(TaskRow.result))
    )
    row = session.scalar(statement.order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(1))
    return row if row is not None and row.tasks else None


def list_jobs(
    session: Session, owner_id: str, *, cursor: str | None, limit: int, status: Status | None, track_id: str | None
) -> tuple[list[JobRow], str | None]:
    """A page of what the owner has asked for, without the jobs of reembeddings."""
    whole = selectinload(JobRow.tasks).selectinload(TaskRow.result)
    statement = select(JobRow).where(JobRow.owner_id == owner_id, JobRow.reembeds.is_(None)).options(whole)
    if status is not None:
        statement = statement.where(JobRow.status == status)
    if track_id is not None:
        statement = statement.where(JobRow.track_id == track_id)
    rows = session.scalars(page(statement, JobRow.created_at, JobRow.id, cursor=cursor, limit=limit)).all()
    shown, next_cursor = cut(rows, limit)
    # One that is erased between its row and its tasks is not there any more.
    return [row for row in shown if row.tasks], next_cursor
