"""What changes with tasks: their followers, the tasks that waited for them, their jobs, and the jobs' events."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.channels import EVENT_CHANNEL, JOB_CHANNEL, PROGRESS_CHANNEL
from phonoscope.db.access.prepared import Prepared
from phonoscope.states import Lane, Pool, TaskQueue

# Which statement leaves what for the next is in LOCKS.md.
_CHANGED = "ANY(ARRAY(SELECT unnest(:jobs) UNION SELECT job_id FROM tasks WHERE finished_at = now()))"

HAND_ON = """
    WITH passed AS (
        UPDATE tasks AS own
        SET status = leader.status, stage = leader.stage, error = leader.error, device = leader.device,
            timings = leader.timings, attempt = leader.attempt, follows = NULL, finished_at = now(),
            started_at = coalesce(own.started_at, now()),
            source_id = CASE leader.status WHEN 'succeeded' THEN leader.id END,
            progress = CASE leader.status WHEN 'succeeded' THEN 1.0 ELSE own.progress END
        FROM tasks AS leader
        WHERE own.follows = leader.id AND leader.id = ANY(:leaders) AND leader.status IN ('succeeded', 'failed')
        RETURNING own.id, own.source_id
    )
    INSERT INTO results (task_id, model_name, model_digest, body)
    SELECT passed.id, model_name, model_digest, body FROM passed JOIN results ON results.task_id = passed.source_id
"""
"""Gives ended tasks' outcomes to those that follow them."""

RELEASE = f"""
    UPDATE tasks AS own
    SET waits_for = NULL, status = CASE other.status WHEN 'succeeded' THEN own.status ELSE other.status END,
        stage = CASE other.status WHEN 'succeeded' THEN own.stage ELSE other.status END,
        error = other.error, finished_at = CASE WHEN other.status <> 'succeeded' THEN now() END,
        queued_at = now(), sent_at = now()
    FROM tasks AS other
    WHERE own.job_id = {_CHANGED} AND own.job_id = other.job_id AND own.waits_for = other.name
      AND own.status = 'queued' AND other.status IN ('succeeded', 'failed', 'cancelled')
"""  # noqa: S608 - of constants
"""Releases tasks that waited for a task that succeeded, and ends those that waited for one that did not."""

SETTLE = f"""
    WITH counted AS (
        SELECT job_id, bool_and(status IN ('succeeded', 'failed', 'cancelled')) AS ended,
               bool_and(status = 'queued') AS queued, bool_or(status = 'cancelled') AS cancelled,
               bool_or(status = 'failed') AS failed
        FROM tasks WHERE job_id = {_CHANGED}
        GROUP BY job_id
    ), settled AS (
        UPDATE jobs SET version = version + 1, finished_at = CASE WHEN ended THEN now() END,
            status = CASE WHEN NOT ended AND queued THEN 'queued' WHEN NOT ended THEN 'running'
                          WHEN cancelled THEN 'cancelled' WHEN failed THEN 'failed' ELSE 'succeeded' END
        FROM counted WHERE id = job_id AND finished_at IS NULL
        RETURNING id, owner_id, track_id, status, ended, reembeds
    ), announced AS (
        INSERT INTO events (id, owner_id, job_id, type, data)
        SELECT 'evt_' || replace(gen_random_uuid()::text, '-', ''), owner_id, id, 'job.' || status,
               jsonb_build_object('job_id', id, 'track_id', track_id, 'status', status)
        FROM settled WHERE ended AND reembeds IS NULL
    )
    SELECT pg_notify(CASE WHEN ended THEN '{JOB_CHANNEL}' ELSE '{PROGRESS_CHANNEL}' END, id),
           CASE WHEN ended THEN pg_notify('{EVENT_CHANNEL}', '') END
    FROM settled
"""  # noqa: S608 - of constants
"""Brings jobs in line with their tasks: those named, and those of which a task has ended in this transaction.

A job that reembeds is the service's own: no event tells of its end.
"""

# The first follower of a cancelled task computes for the others, which follow it from now on.
_PROMOTE = text("""
    WITH heirs AS (
        SELECT DISTINCT ON (follows) id, follows FROM tasks WHERE follows = ANY(:leaders)
        ORDER BY follows, queued_at, id
    )
    UPDATE tasks SET follows = CASE WHEN tasks.id = heirs.id THEN NULL ELSE heirs.id END
    FROM heirs WHERE tasks.follows = heirs.follows
    RETURNING pool, lane, tasks.id = heirs.id AS leads
    """)

_HAND_ON = text(HAND_ON)
_RELEASE_AND_SETTLE = Prepared(
    RELEASE,
    SETTLE,
    f"""
    SELECT DISTINCT pool, lane FROM tasks
    WHERE job_id = {_CHANGED} AND status = 'queued' AND queued_at = now() AND waits_for IS NULL AND follows IS NULL
    """,  # noqa: S608 - of constants
    types={"jobs": "text[]"},
)


def settle(session: Session, jobs: Collection[str]) -> list[TaskQueue]:
    """Brings jobs in line with their tasks: releases tasks that waited, and writes the events of jobs that ended.

    Returns where tasks can start now that could not before. A job ends once: one that has ended stays as it is.
    """
    rows = _RELEASE_AND_SETTLE.execute(session, {"jobs": sorted(jobs)})
    return sorted({TaskQueue(Pool(row.pool), Lane(row.lane)) for row in rows})


def pass_on(session: Session, leaders: Iterable[str]) -> None:
    """Gives ended tasks' outcomes to those that follow them; their jobs are settled with the next that are."""
    session.connection().execute(_HAND_ON, {"leaders": list(leaders)})


def promote_followers(session: Session, leaders: Iterable[str]) -> list[TaskQueue]:
    """Makes the first follower of each cancelled task compute, and the others follow it; returns where it can start."""
    moved = session.connection().execute(_PROMOTE, {"leaders": list(leaders)})
    return [TaskQueue(Pool(pool), Lane(lane)) for pool, lane, leads in moved if leads]
