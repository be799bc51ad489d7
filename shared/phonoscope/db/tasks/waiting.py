"""Why a task waits, and for how long; how full the queues are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.prepared import Prepared
from phonoscope.db.schema.tables import JobRow
from phonoscope.db.service.workers import LIVE_WITHIN
from phonoscope.states import Lane, Pool, Status, TaskQueue

# Seconds that workers took lately for each second of estimated cost. Tasks of one pass share its seconds.
_PACE = """
    SELECT coalesce((
        SELECT sum(spent) / nullif(sum(estimated), 0) FROM (
            SELECT extract(epoch FROM max(finished_at) - min(started_at)) AS spent, sum(cost_s) AS estimated
            FROM (SELECT job_id, started_at, finished_at, cost_s FROM tasks
                  WHERE finished_at > now() - interval '1 hour' AND pool = {pool} AND lane = {lane}
                    AND status = 'succeeded' AND source_id IS NULL
                  ORDER BY finished_at DESC LIMIT 60) AS latest
            GROUP BY job_id, started_at
        ) AS passes), 1.0)
"""

_LEAST_LEFT_S = 0.5
"""What a worker that is at work still has to do, at least."""
# By its progress once that says something, else by what it costs.
_LEFT = """
    CASE WHEN progress > 0.02 THEN spent_s * (1.0 - progress) / progress ELSE costs_s - spent_s END
"""

# The work before a job fills the workers evenly, beginning with those that are free first. So the job starts at the
# least of (work before it + what the k first workers still have to do) / k.
_AHEAD = Prepared(
    f"""
    SELECT own.job_id, own.pool, own.lane, serving.workers, greatest(0.0, serving.estimate_s) AS estimate_s,
           before.jobs + CASE WHEN serving.idle = 0 THEN serving.jobs ELSE 0 END AS jobs
    FROM (
        SELECT job_id, pool, lane, min(turn) AS turn, min(id) AS id FROM tasks
        WHERE job_id = ANY(:jobs) AND status = 'queued' AND waits_for IS NULL GROUP BY job_id, pool, lane
    ) AS own
    CROSS JOIN LATERAL (SELECT ({_PACE.format(pool="own.pool", lane="own.lane")}) AS pace) AS lately
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT job_id) AS jobs, coalesce(sum(cost_s), 0.0) * lately.pace AS seconds FROM tasks
        WHERE pool = own.pool AND lane = own.lane AND status = 'queued' AND job_id <> own.job_id
          AND waits_for IS NULL AND follows IS NULL AND (turn, id) < (own.turn, own.id)
    ) AS before
    CROSS JOIN LATERAL (
        SELECT count(*) AS workers, count(*) FILTER (WHERE left_s = 0.0) AS idle,
               count(*) FILTER (WHERE left_s > 0.0) AS jobs, min((before.seconds + taken_s) / place) AS estimate_s
        FROM (
            SELECT left_s, sum(left_s) OVER by_end AS taken_s, row_number() OVER by_end AS place
            FROM (
                SELECT workers.id, coalesce(busy.left_s, 0.0) AS left_s FROM workers
                LEFT JOIN LATERAL (
                    SELECT greatest({_LEAST_LEFT_S}, {_LEFT}) AS left_s FROM (
                        SELECT sum(cost_s) * lately.pace AS costs_s, max(progress) AS progress,
                               extract(epoch FROM clock_timestamp() - min(started_at)) AS spent_s
                        FROM tasks
                        WHERE pool = own.pool AND lane IN ('short', 'long') AND status = 'running'
                          AND worker_id = workers.id
                        HAVING count(*) > 0
                    ) AS running
                ) AS busy ON true
                WHERE pool = own.pool AND lanes ? own.lane AND heartbeat_at > now() - :live_within
            ) AS worker
            WINDOW by_end AS (ORDER BY left_s, id ROWS UNBOUNDED PRECEDING)
        ) AS ordered
    ) AS serving
    """,  # noqa: S608 - of constants alone
    types={"jobs": "text[]", "live_within": "interval"},
)

_QUEUES = text(
    f"""
    SELECT queues.pool, queues.lane,
           count(*) FILTER (WHERE status = 'queued' AND waits_for IS NULL AND follows IS NULL) AS queued,
           count(*) FILTER (WHERE status = 'running') AS running,
           coalesce(extract(epoch FROM now() - min(queued_at) FILTER (
               WHERE status = 'queued' AND waits_for IS NULL AND follows IS NULL)), 0.0) AS oldest_s,
           (SELECT count(*) FROM tasks WHERE finished_at > now() - interval '1 hour' AND source_id IS NULL
              AND pool = queues.pool AND lane = queues.lane AND status IN ('succeeded', 'failed')) AS ended_last_hour,
           ({_PACE.format(pool="queues.pool", lane="queues.lane")}) AS pace
    FROM (VALUES ('gpu', 'short'), ('gpu', 'long'), ('cpu', 'short'), ('cpu', 'long')) AS queues (pool, lane)
    LEFT JOIN (
        SELECT pool, lane, status, waits_for, follows, queued_at FROM tasks WHERE status = 'queued'
        UNION ALL
        SELECT pool, lane, status, waits_for, follows, queued_at FROM tasks WHERE status = 'running'
    ) AS open ON open.pool = queues.pool AND open.lane = queues.lane
    GROUP BY queues.pool, queues.lane
    """  # noqa: S608 - of constants alone
)


class Ahead(NamedTuple):
    """Why a job waits in a queue: what comes before it, who serves it, and the seconds that this may take."""

    jobs: int
    workers: int
    estimate_s: float | None


class Depth(NamedTuple):
    """How full a queue is, and how fast it moves."""

    queued: int
    running: int
    oldest_s: float
    ended_last_hour: int
    pace: float


def count_ahead(session: Session, jobs: Sequence[JobRow]) -> dict[tuple[str, TaskQueue], Ahead]:
    """For each job and queue in which it waits for a worker. Without a live worker there is no estimate."""
    waiting = [job.id for job in jobs if any(task.status is Status.QUEUED for task in job.tasks)]
    if not waiting:
        return {}
    rows = _AHEAD.execute(session, {"jobs": waiting, "live_within": LIVE_WITHIN})
    return {
        (row.job_id, TaskQueue(Pool(row.pool), Lane(row.lane))): Ahead(
            row.jobs, row.workers, round(float(row.estimate_s), 1) if row.workers else None
        )
        for row in rows
    }


def queue_depths(session: Session) -> dict[TaskQueue, Depth]:
    """All queues, over all owners."""
    rows = session.connection().execute(_QUEUES)
    return {
        TaskQueue(Pool(row.pool), Lane(row.lane)): Depth(
            row.queued, row.running, round(float(row.oldest_s), 1), row.ended_last_hour, round(float(row.pace), 3)
        )
        for row in rows
    }
