"""Jobs as their client sees them: rows, why they wait, and links to what they made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy.orm import Session

from phonoscope.contract import Job, Task, Waiting
from phonoscope.db.schema.tables import JobRow, TaskRow
from phonoscope.db.tasks.waiting import Ahead, count_ahead
from phonoscope.errors import OutdatedResult
from phonoscope.logs import get_logger
from phonoscope.states import Place, Status, TaskName
from phonoscope.tasks import TASKS
from phonoscope.tasks.spec import TaskResult
from phonoscope_gateway.jobs.reference import reference, track_labels
from phonoscope_gateway.signing import Signer

_log = get_logger(__name__)


def describe_jobs(signer: Signer, session: Session, rows: Sequence[JobRow]) -> list[Job]:
    """Jobs as their client sees them, with links to their artifacts that are good from now on."""
    ahead = count_ahead(session, rows)
    labels = track_labels(session, rows)
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


def _body(row: JobRow, task: TaskRow, labels: Mapping[str, str | None]) -> dict[str, Any] | None:
    if task.result is None or task.name is not TaskName.DESCRIBE:
        return task.result.body if task.result else None
    body = task.result.body
    return {**body, "reference": reference(row, body, labels.get(row.track_id or ""))}


def _describe_task(signer: Signer, row: TaskRow, ahead: Ahead | None, body: dict[str, Any] | None) -> Task:
    result, error = _result(signer, row, body)
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
        result=result,
        error=error,
    )


def _result(
    signer: Signer, row: TaskRow, body: dict[str, Any] | None
) -> tuple[TaskResult | None, dict[str, Any] | None]:
    """What the task found, or why it cannot be read."""
    if body is None:
        return None, row.error
    try:
        return TASKS[row.name].read(signer.rendered(body)), row.error
    except ValidationError:
        _log.warning("result.outdated", task_id=row.id, task=row.name)
        detail = "stored by another version of the service; ask for it again with the option no_cache"
        return None, OutdatedResult(detail).as_problem()


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
