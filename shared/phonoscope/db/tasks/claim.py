"""Claiming tasks under a lease, and renewing it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from phonoscope.db.access.channels import PROGRESS_CHANNEL
from phonoscope.db.access.prepared import Prepared
from phonoscope.ids import new_id
from phonoscope.states import TaskName, TaskQueue
from phonoscope.work import Claim, ClaimedTrack, Library

LEASE = timedelta(seconds=30)

# Claims the first task by turn, with the job's others of the same queue. It skips rows that another transaction has
# locked, and so waits for no task; LOCKS.md has the order. A claim that is lost when the server dies need not have been
# on the disk: nothing was done under it.
_NOT_AWAITED = "SELECT set_config('synchronous_commit', 'off', true)"
_CLAIM = Prepared(
    _NOT_AWAITED,
    f"""
    WITH next AS MATERIALIZED (
        SELECT job_id FROM tasks
        WHERE pool = :pool AND lane = :lane AND status = 'queued'
          AND waits_for IS NULL AND follows IS NULL AND available_at <= now()
        ORDER BY turn, id LIMIT 1 FOR UPDATE SKIP LOCKED
    ), free AS MATERIALIZED (
        SELECT id FROM tasks
        WHERE job_id = (SELECT job_id FROM next) AND pool = :pool AND lane = :lane AND status = 'queued'
          AND waits_for IS NULL AND follows IS NULL
        ORDER BY id FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE tasks
        SET status = 'running', attempt = attempt + 1, stage = 'starting', progress = 0, device = :device,
            worker_id = :worker_id, lease_token = :token, lease_expires_at = now() + :lease, started_at = now()
        WHERE id IN (SELECT id FROM free)
        RETURNING job_id, id, name, attempt
    ), started AS (
        UPDATE jobs SET status = 'running', version = version + 1 WHERE id IN (SELECT job_id FROM taken)
        RETURNING jobs.id, track_id, jobs.owner_id, options, traceparent
    )
    SELECT taken.id AS task_id, job_id, name, attempt, options, track_id, started.owner_id, object_key, duration_s,
           traceparent, EXISTS (SELECT FROM owners WHERE id = started.owner_id AND clips_of IS NOT NULL) AS is_clip,
           pg_notify('{PROGRESS_CHANNEL}', job_id)
    FROM taken JOIN started ON started.id = taken.job_id LEFT JOIN tracks ON tracks.id = started.track_id
    """,  # noqa: S608 - of constants
    types={"pool": "text", "lane": "text", "device": "text", "worker_id": "text", "token": "text", "lease": "interval"},
)

_RENEW = Prepared(
    _NOT_AWAITED,
    f"""
    WITH renewed AS (
        UPDATE tasks SET lease_expires_at = now() + :lease, progress = :progress, stage = :stage
        FROM (
            SELECT id, progress AS before, stage AS stage_before FROM tasks
            WHERE lease_token = :token AND status = 'running' ORDER BY id FOR UPDATE
        ) AS old
        WHERE tasks.id = old.id AND lease_token = :token AND status = 'running'
        RETURNING job_id, before <> :progress OR stage_before <> :stage AS moved
    )
    SELECT CASE WHEN moved THEN pg_notify('{PROGRESS_CHANNEL}', job_id) END FROM renewed LIMIT 1
    """,  # noqa: S608 - of constants
    types={"token": "text", "progress": "double precision", "stage": "text", "lease": "interval"},
)


def claim_next(session: Session, queue: TaskQueue, device: str, worker_id: str) -> Claim | None:
    """Claims the tasks whose turn it is, by one conditional update; ``None`` when none can be started."""
    token = new_id("lease")
    asked = {"pool": queue.pool.value, "lane": queue.lane.value, "device": device, "worker_id": worker_id}
    rows = _CLAIM.execute(session, asked | {"token": token, "lease": LEASE}).all()
    if not rows:
        return None
    first = rows[0]
    subject: ClaimedTrack | Library = Library(first.owner_id)
    if first.track_id is not None:
        subject = ClaimedTrack(first.track_id, first.owner_id, first.object_key, first.duration_s, first.is_clip)
    tasks = {TaskName(row.name): row.task_id for row in rows}
    attempt = max(row.attempt for row in rows)
    return Claim(token, first.job_id, subject, tasks, first.options, attempt, first.traceparent)


def renew_lease(session: Session, token: str, progress: float, stage: str) -> bool:
    """Extends the lease and writes progress; false when the lease is no longer held."""
    facts = {"token": token, "progress": progress, "stage": stage, "lease": LEASE}
    return _RENEW.execute(session, facts).first() is not None
