"""Tasks as clients see them, and those that run now."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.contract import Task
from phonoscope.db.schema.tables import OwnerRow, TaskRow
from phonoscope.states import Status


def longest_running(session: Session, most: int) -> list[tuple[TaskRow, str]]:
    """Running tasks of all owners, each with its owner's name, those that run longest first."""
    statement = select(TaskRow, OwnerRow.name).join(OwnerRow, OwnerRow.id == TaskRow.owner_id)
    running = statement.where(TaskRow.status == Status.RUNNING).order_by(TaskRow.started_at, TaskRow.id)
    return [(row, owner) for row, owner in session.execute(running.limit(most))]


def as_task(row: TaskRow) -> Task:
    """A task as clients see it, but for what it waits for, its result and its error."""
    return Task(
        name=row.name,
        pool=row.pool,
        status=row.status,
        attempt=row.attempt,
        progress=row.progress,
        stage=row.stage,
        left_s=left_s(row, datetime.now(UTC)),
        cached=row.source_id is not None,
        device=row.device,
        timings=row.timings,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def left_s(row: TaskRow, now: datetime) -> float | None:
    """The estimated seconds that a running task still needs; ``None`` before there is an estimate."""
    if row.status is not Status.RUNNING or row.started_at is None or not row.progress > 0.0:
        return None
    spent_s = max(0.0, (now - row.started_at).total_seconds())
    return round(spent_s * (1.0 - row.progress) / row.progress, 1)
