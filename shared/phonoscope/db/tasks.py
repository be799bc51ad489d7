"""A task's life: claimed under a lease, renewed by heartbeat, ended only by the lease's holder."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from phonoscope.db.artifacts import Artifact
from phonoscope.db.jobs import JOB_CHANNEL
from phonoscope.db.tables import ArtifactRow, JobRow, TaskRow
from phonoscope.errors import WorkerLost
from phonoscope.ids import new_id
from phonoscope.states import Pool, Status, TaskName, job_status

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 3

_CLAIM = text(
    """
    WITH taken AS (
        UPDATE tasks
        SET status = 'running', attempt = attempt + 1, stage = 'starting', device = :device, lease_token = :token,
            lease_expires_at = now() + :lease, started_at = now()
        WHERE id IN (
            SELECT id FROM tasks WHERE job_id = :job_id AND pool = :pool AND status = 'queued' ORDER BY id FOR UPDATE
        )
        RETURNING job_id, id, name, attempt
    ), started AS (
        UPDATE jobs SET status = 'running' FROM taken WHERE jobs.id = taken.job_id
        RETURNING jobs.id, track_id, options
    )
    SELECT taken.id AS task_id, name, attempt, options, track_id, owner_id, object_key, duration_s
    FROM taken JOIN started ON started.id = taken.job_id JOIN tracks ON tracks.id = started.track_id
    """
).bindparams(lease=LEASE)

# Tasks are locked by id and before their job, and a job before its track, here as in every other place.
_LOCK = text(
    """
    WITH held AS (SELECT id FROM tasks WHERE lease_token = :token AND status = 'running' ORDER BY id FOR UPDATE)
    SELECT id FROM jobs WHERE id = :job_id AND (SELECT count(*) FROM held) = :tasks FOR UPDATE
    """
)

_OTHERS = text("SELECT status FROM tasks WHERE job_id = :job_id AND lease_token IS DISTINCT FROM :token")

_END = text(
    """
    WITH outcomes AS (
        SELECT * FROM jsonb_to_recordset(:outcomes) AS outcome (
            task_id text, status text, problem jsonb, body jsonb, model_name text, model_digest text, vector text
        )
    ), ended AS (
        UPDATE tasks
        SET status = outcomes.status, stage = outcomes.status, error = problem, timings = :timings,
            progress = CASE outcomes.status WHEN 'succeeded' THEN 1.0 ELSE progress END,
            lease_token = NULL, lease_expires_at = NULL, finished_at = now()
        FROM outcomes WHERE id = task_id
    ), kept AS (
        INSERT INTO results (task_id, model_name, model_digest, body)
        SELECT task_id, model_name, model_digest, body FROM outcomes WHERE body IS NOT NULL
    ), embedded AS (
        INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
        SELECT :track_id, :owner_id, model_name, model_digest, CAST(vector AS vector)
        FROM outcomes WHERE vector IS NOT NULL
        ON CONFLICT (track_id, model_name) DO UPDATE
        SET owner_id = excluded.owner_id, model_digest = excluded.model_digest, vector = excluded.vector
    ), made AS (
        INSERT INTO artifacts (id, track_id, task_id, kind, object_key, media_type, size_bytes)
        SELECT id, :track_id, task_id, kind, object_key, media_type, size_bytes
        FROM jsonb_to_recordset(:artifacts) AS artifact (
            id text, task_id text, kind text, object_key text, media_type text, size_bytes bigint
        )
    ), labelled AS (
        UPDATE tracks SET label = :label WHERE id = :track_id AND :labels
    )
    UPDATE jobs SET status = :status, finished_at = CASE WHEN :ended THEN now() END WHERE id = :job_id
    RETURNING CASE WHEN :ended THEN pg_notify(:channel, id) END
    """
).bindparams(*(bindparam(name, type_=JSONB) for name in ("outcomes", "artifacts", "timings")), channel=JOB_CHANNEL)

# The lock waits for an end that is still being committed, after its worker has lost sight of it.
_HOLD = text("SELECT id FROM tasks WHERE id = ANY(:tasks) ORDER BY id FOR UPDATE")


@dataclass(frozen=True)
class ClaimedTrack:
    """What a worker needs to know of a recording."""

    id: str
    owner_id: str
    object_key: str
    duration_s: float


@dataclass(frozen=True)
class Claim:
    """The tasks of one job and pool that one worker may run, while its lease lasts."""

    token: str
    job_id: str
    track: ClaimedTrack
    tasks: dict[TaskName, str]
    options: dict[str, Any]
    attempt: int

    def object_key(self, name: TaskName, artifact: Artifact) -> str:
        """Where an artifact lies; no two attempts share a place."""
        return f"tracks/{self.track.id}/{name}/{self.token}/{artifact.name}"


@dataclass(frozen=True)
class Outcome:
    """How one task ended: with a body, or with a problem.

    Raises ``ValueError`` for two artifacts of one name, and for artifacts beside a problem.
    """

    body: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    model_name: str | None = None
    model_digest: str | None = None
    vector: list[float] | None = field(default=None, repr=False)
    label: str | None = None
    labels_track: bool = False
    artifacts: tuple[Artifact, ...] = ()

    def __post_init__(self) -> None:
        if len({artifact.name for artifact in self.artifacts}) < len(self.artifacts):
            raise ValueError("two artifacts of one task have the same name")
        if self.problem is not None and self.artifacts:
            raise ValueError("a task that failed makes no artifacts")

    @property
    def status(self) -> Status:
        return Status.FAILED if self.problem else Status.SUCCEEDED

    def as_record(self, task_id: str) -> dict[str, Any]:
        """What is written of it, as JSON can hold it."""
        return {
            "task_id": task_id,
            "status": self.status.value,
            "problem": self.problem,
            "body": self.body,
            "model_name": self.model_name,
            "model_digest": self.model_digest,
            "vector": None if self.vector is None else str(self.vector),
        }


def claim_tasks(session: Session, job_id: str, pool: Pool, device: str) -> Claim | None:
    """Takes the job's tasks that wait in this pool, by one conditional update; ``None`` when there are none."""
    token = new_id("lease")
    asked = {"job_id": job_id, "pool": pool.value, "device": device, "token": token}
    rows = session.connection().execute(_CLAIM, asked).all()
    if not rows:
        return None
    first = rows[0]
    track = ClaimedTrack(first.track_id, first.owner_id, first.object_key, first.duration_s)
    tasks = {TaskName(row.name): row.task_id for row in rows}
    return Claim(token, job_id, track, tasks, first.options, max(row.attempt for row in rows))


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
    connection = session.connection()
    lease = {"job_id": claim.job_id, "token": claim.token}
    if connection.scalar(_LOCK, lease | {"tasks": len(claim.tasks)}) is None:
        return False
    # A statement of its own, to see what the lock waited for.
    others = [Status(word) for word in connection.scalars(_OTHERS, lease)]
    status = job_status([*others, *(outcome.status for outcome in outcomes.values())])
    labels = [outcome.label for outcome in outcomes.values() if outcome.labels_track and outcome.body is not None]
    facts = {
        "job_id": claim.job_id,
        "track_id": claim.track.id,
        "owner_id": claim.track.owner_id,
        "outcomes": [outcome.as_record(claim.tasks[name]) for name, outcome in outcomes.items()],
        "artifacts": [
            artifact.as_record(claim.tasks[name], claim.object_key(name, artifact))
            for name, outcome in outcomes.items()
            for artifact in outcome.artifacts
        ],
        "timings": timings,
        "labels": bool(labels),
        "label": labels[0] if labels else None,
        "status": status.value,
        "ended": status.ended,
    }
    connection.execute(_END, facts)
    return True


def committed_keys(session: Session, claim: Claim) -> set[str]:
    """The keys of the artifacts that the claim's tasks have, once whoever is about to end them has done so."""
    tasks = list(claim.tasks.values())
    session.execute(_HOLD, {"tasks": tasks})
    return set(session.scalars(select(ArtifactRow.object_key).where(ArtifactRow.task_id.in_(tasks))))


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
