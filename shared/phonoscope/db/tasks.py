"""A task's life: claimed under a lease, renewed by heartbeat, ended only by the lease's holder."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from phonoscope.db.jobs import JOB_CHANNEL
from phonoscope.db.tables import EmbeddingRow, JobRow, ResultRow, TaskRow, TrackRow
from phonoscope.errors import WorkerLost
from phonoscope.ids import new_id
from phonoscope.states import Pool, Status, TaskName, job_status

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Claim:
    """The tasks of one job and pool that one worker may run, while its lease lasts."""

    token: str
    job_id: str
    track: TrackRow
    tasks: dict[TaskName, str]
    options: dict[str, Any]
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """How one task ended: with a body, or with a problem."""

    body: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    model_name: str | None = None
    model_digest: str | None = None
    vector: list[float] | None = field(default=None, repr=False)
    label: str | None = None
    labels_track: bool = False


def claim_tasks(session: Session, job_id: str, pool: Pool, device: str) -> Claim | None:
    """Takes the job's tasks that wait in this pool, by one conditional update; ``None`` when there are none."""
    token = new_id("lease")
    claimed = session.execute(
        update(TaskRow)
        .where(TaskRow.job_id == job_id, TaskRow.pool == pool, TaskRow.status == Status.QUEUED)
        .values(
            status=Status.RUNNING,
            attempt=TaskRow.attempt + 1,
            stage="starting",
            device=device,
            lease_token=token,
            lease_expires_at=func.now() + LEASE,
            started_at=func.now(),
        )
        .returning(TaskRow.name, TaskRow.id, TaskRow.attempt)
    ).all()
    if not claimed:
        return None
    session.execute(update(JobRow).where(JobRow.id == job_id).values(status=Status.RUNNING))
    job = session.scalars(select(JobRow).where(JobRow.id == job_id).options(joinedload(JobRow.track))).one()
    tasks = {name: task_id for name, task_id, _ in claimed}
    return Claim(token, job_id, job.track, tasks, job.options, max(attempt for _, _, attempt in claimed))


def renew_lease(session: Session, token: str, progress: float, stage: str) -> bool:
    """Extends the lease and writes progress; false when the lease is no longer held."""
    renewed = session.execute(
        update(TaskRow)
        .where(TaskRow.lease_token == token, TaskRow.status == Status.RUNNING)
        .values(lease_expires_at=func.now() + LEASE, progress=progress, stage=stage)
        .returning(TaskRow.id)
    ).all()
    return bool(renewed)


def end_tasks(session: Session, claim: Claim, outcomes: dict[TaskName, Outcome], timings: dict[str, float]) -> bool:
    """Ends the claim's tasks, all in this transaction; false, and nothing changed, when the lease was lost."""
    job = session.scalar(select(JobRow).where(JobRow.id == claim.job_id).with_for_update())
    held = select(TaskRow.id).where(TaskRow.lease_token == claim.token, TaskRow.status == Status.RUNNING)
    if job is None or set(session.scalars(held)) != set(claim.tasks.values()):
        return False
    for name, outcome in outcomes.items():
        _end_task(session, claim.tasks[name], outcome, timings)
        _keep_result(session, claim, claim.tasks[name], outcome)
    refresh_job(session, job)
    return True


def requeue_expired(session: Session) -> list[tuple[str, Pool]]:
    """Hands back tasks whose worker fell silent, and fails those out of attempts; what to send again is returned."""
    expired = list(
        session.scalars(
            select(TaskRow)
            .where(TaskRow.status == Status.RUNNING, TaskRow.lease_expires_at < func.now())
            .with_for_update(skip_locked=True)
        )
    )
    for task in expired:
        task.lease_token = None
        task.lease_expires_at = None
        if task.attempt < MAX_ATTEMPTS:
            task.status, task.stage, task.progress = Status.QUEUED, "waiting", 0.0
        else:
            task.status, task.stage = Status.FAILED, "failed"
            task.finished_at = func.now()
            task.error = WorkerLost(f"its worker fell silent in each of {task.attempt} attempts").as_problem()
    session.flush()
    for job_id in {task.job_id for task in expired}:
        refresh_job(session, session.scalars(select(JobRow).where(JobRow.id == job_id).with_for_update()).one())
    return list({(task.job_id, task.pool) for task in expired if task.status is Status.QUEUED})


def overdue_messages(session: Session, older_than: timedelta) -> list[tuple[str, Pool]]:
    """Jobs and pools whose queued tasks were last sent that long ago; they count as sent now."""
    statement = (
        update(TaskRow)
        .where(TaskRow.status == Status.QUEUED, TaskRow.sent_at < func.now() - older_than)
        .values(sent_at=func.now())
        .returning(TaskRow.job_id, TaskRow.pool)
    )
    return list({(job_id, pool) for job_id, pool in session.execute(statement)})


def refresh_job(session: Session, job: JobRow) -> None:
    """Brings a job's status in line with its tasks, and tells the listeners when it has ended."""
    job.status = job_status(list(session.scalars(select(TaskRow.status).where(TaskRow.job_id == job.id))))
    if job.status.ended:
        job.finished_at = func.now()
        session.execute(select(func.pg_notify(JOB_CHANNEL, job.id)))
    session.flush()


def _end_task(session: Session, task_id: str, outcome: Outcome, timings: dict[str, float]) -> None:
    status = Status.FAILED if outcome.problem else Status.SUCCEEDED
    session.execute(
        update(TaskRow)
        .where(TaskRow.id == task_id)
        .values(
            status=status,
            stage=status.value,
            progress=1.0 if status is Status.SUCCEEDED else TaskRow.progress,
            error=outcome.problem,
            timings=timings,
            lease_token=None,
            lease_expires_at=None,
            finished_at=func.now(),
        )
    )


def _keep_result(session: Session, claim: Claim, task_id: str, outcome: Outcome) -> None:
    if outcome.body is None:
        return
    session.add(
        ResultRow(task_id=task_id, model_name=outcome.model_name, model_digest=outcome.model_digest, body=outcome.body)
    )
    if outcome.vector is not None:
        row = {"owner_id": claim.track.owner_id, "model_digest": outcome.model_digest, "vector": outcome.vector}
        statement = insert(EmbeddingRow).values(track_id=claim.track.id, model_name=outcome.model_name, **row)
        key = [EmbeddingRow.track_id, EmbeddingRow.model_name]
        session.execute(statement.on_conflict_do_update(index_elements=key, set_=row))
    if outcome.labels_track:
        session.execute(update(TrackRow).where(TrackRow.id == claim.track.id).values(label=outcome.label))
