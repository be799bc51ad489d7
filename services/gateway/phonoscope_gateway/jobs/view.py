"""Jobs as their client sees them: rows, why they wait, and links to what they made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from phonoscope.contract import Job, Task, Waiting
from phonoscope.db.library.results import NO_LABELS, TrackLabels, labels_of
from phonoscope.db.schema.tables import JobRow, TaskRow
from phonoscope.db.tasks.waiting import Ahead, count_ahead
from phonoscope.states import Place, Status, TaskName
from phonoscope_gateway.jobs.reference import reference
from phonoscope_gateway.signing import Signer


def describe_jobs(signer: Signer, session: Session, rows: Sequence[JobRow]) -> list[Job]:
    """Jobs as their client sees them, with links to their artifacts that are good from now on."""
    ahead = count_ahead(session, rows)
    labels = labels_of(session, {row.track_id for row in rows if row.track_id and _is_described(row)})
    return [
        Job(
            id=row.id,
            track_id=row.track_id,
            status=row.status,
            created_at=row.created_at,
            finished_at=row.finished_at,
            metadata=row.client_metadata,
            tasks=[
                _describe_task(signer, task, ahead.get((row.id, Place(task.pool, task.lane))), _body(row, task, labels))
                for task in row.tasks
            ],
        )
        for row in rows
    ]


def _is_described(row: JobRow) -> bool:
    return any(task.name is TaskName.DESCRIBE and task.result is not None for task in row.tasks)


def _body(row: JobRow, task: TaskRow, labels: Mapping[str, TrackLabels]) -> dict[str, Any] | None:
    if task.result is None or task.name is not TaskName.DESCRIBE:
        return task.result.body if task.result else None
    body = task.result.body
    known = labels.get(row.track_id or "", NO_LABELS).by_model.values()
    return {**body, "reference": reference(row, body, known)}


def _describe_task(signer: Signer, row: TaskRow, ahead: Ahead | None, body: dict[str, Any] | None) -> Task:
    return Task(
        name=row.name,
        pool=row.pool,
        status=row.status,
        attempt=row.attempt,
        progress=row.progress,
        stage=row.stage,
        left_s=left_s(row, datetime.now(UTC)),
        waiting=_waiting(row, ahead),
        cached=row.source_id is not None,
        device=row.device,
        timings=row.timings,
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=None if body is None else signer.rendered(body),
        error=row.error,
    )


def left_s(row: TaskRow, now: datetime) -> float | None:
    """What a running task still needs if it goes on as it went; ``None`` before anything can be said."""
    if row.status is not Status.RUNNING or row.started_at is None or not row.progress > 0.0:
        return None
    spent_s = max(0.0, (now - row.started_at).total_seconds())
    return round(spent_s * (1.0 - row.progress) / row.progress, 1)


def _waiting(row: TaskRow, ahead: Ahead | None) -> Waiting | None:
    if row.status is not Status.QUEUED:
        return None
    if row.waits_for is not None:
        return Waiting(reason="after", after=row.waits_for)
    if ahead is None:
        return None
    reason: Literal["queued", "retrying"] = "retrying" if row.attempt else "queued"
    return Waiting(
        reason=reason if ahead.workers else "no_worker",
        ahead=ahead.jobs,
        workers=ahead.workers,
        estimate_s=ahead.estimate_s,
    )
