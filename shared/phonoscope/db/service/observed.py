"""What an operator watches of the whole service, over all owners and without their names."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.service.workers import LIVE_WITHIN
from phonoscope.states import Lane, Pool, TaskQueue

OWNERS = ("clips", "background", "busy", "other")
"""Of clips of searches, of reembeddings, with more than 100 tasks in a queue, and all others."""
MOST = 10_000
"""Events and deliveries that are counted."""
_BUSY = 100
_MOST_MODELS = 50

# Owners are grouped first: one that has many tasks in a queue is busy there.
_WAITING = text(
    f"""
    SELECT pool, lane, owners, sum(tasks) AS tasks, extract(epoch FROM now() - min(oldest)) AS oldest_s FROM (
        SELECT pool, lane, count(*) AS tasks, min(queued_at) AS oldest,
               CASE WHEN turn = 'infinity' THEN 'background'
                    WHEN clips_of IS NOT NULL THEN 'clips'
                    WHEN count(*) > {_BUSY} THEN 'busy' ELSE 'other' END AS owners
        FROM (
            SELECT pool, lane, owner_id, queued_at, CASE WHEN turn = 'infinity' THEN turn ELSE 0 END AS turn FROM tasks
            WHERE status = 'queued' AND waits_for IS NULL AND follows IS NULL AND available_at <= now()
        ) AS waiting LEFT JOIN owners ON owners.id = owner_id
        GROUP BY pool, lane, owner_id, turn, clips_of
    ) AS of_owners
    GROUP BY pool, lane, owners
    """  # noqa: S608 - of constants alone
)
_RUNNING = text("SELECT pool, lane, count(*) AS tasks FROM tasks WHERE status = 'running' GROUP BY pool, lane")
_WORKERS = text(
    """
    SELECT pool, lane, count(*) AS workers FROM workers, jsonb_array_elements_text(lanes) AS lane
    WHERE heartbeat_at > now() - :live_within GROUP BY pool, lane
    """
)
_OUTBOX = text(
    f"""
    SELECT count(*) AS number, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS oldest_s
    FROM (SELECT created_at FROM events WHERE sent_out_at IS NULL ORDER BY position LIMIT {MOST}) AS first
    """  # noqa: S608 - of constants alone
)
_DUE = text(
    f"""
    SELECT count(*) AS number, coalesce(extract(epoch FROM now() - min(due_at)), 0) AS oldest_s FROM (
        SELECT due.due_at FROM webhooks CROSS JOIN LATERAL (
            SELECT due_at FROM deliveries
            WHERE webhook_id = webhooks.id AND status = 'pending' AND due_at <= now() ORDER BY due_at LIMIT {MOST}
        ) AS due
        WHERE enabled AND (paused_until IS NULL OR paused_until <= now()) LIMIT {MOST}
    ) AS first
    """  # noqa: S608 - of constants alone
)
_RECALL = text(
    f"""
    SELECT model, min(recall) AS recall, extract(epoch FROM now() - min(recall_at)) AS age_s
    FROM spaces WHERE recall IS NOT NULL GROUP BY model ORDER BY model LIMIT {_MOST_MODELS}
    """  # noqa: S608 - of constants alone
)
_STORED = text("SELECT coalesce(sum(stored_tracks), 0) AS tracks, coalesce(sum(stored_bytes), 0) AS bytes FROM owners")


class Waiting(NamedTuple):
    """Tasks that a worker could start, and the seconds that the oldest of them has waited."""

    tasks: float
    oldest_s: float


class Backlog(NamedTuple):
    """How much is left to do, ``MOST`` at most, and the seconds that the oldest of it waits."""

    number: float
    oldest_s: float


class Observed(NamedTuple):
    """The service at one moment.

    Args:
        waiting: by queue and class of owners, where there is something.
        due: deliveries to endpoints that take them.
        recall: of each model's worst space, and the seconds since it was measured.
    """

    waiting: dict[tuple[TaskQueue, str], Waiting]
    running: dict[TaskQueue, float]
    workers: dict[TaskQueue, float]
    outbox: Backlog
    due: Backlog
    recall: dict[str, tuple[float, float]]
    stored_tracks: float
    stored_bytes: float


def observe(session: Session) -> Observed:
    """Reads all of it, by indexes of what is open. Raises ``DatabaseUnavailable``."""
    ask = session.connection().execute
    stored = ask(_STORED).one()
    return Observed(
        waiting={
            (_queue(row), row.owners): Waiting(int(row.tasks), max(0.0, float(row.oldest_s))) for row in ask(_WAITING)
        },
        running={_queue(row): row.tasks for row in ask(_RUNNING)},
        workers={_queue(row): row.workers for row in ask(_WORKERS, {"live_within": LIVE_WITHIN})},
        outbox=_backlog(ask(_OUTBOX).one()),
        due=_backlog(ask(_DUE).one()),
        recall={row.model: (float(row.recall), float(row.age_s)) for row in ask(_RECALL)},
        stored_tracks=int(stored.tracks),
        stored_bytes=int(stored.bytes),
    )


def _queue(row: object) -> TaskQueue:
    return TaskQueue(Pool(row.pool), Lane(row.lane))  # type: ignore[attr-defined]


def _backlog(row: object) -> Backlog:
    return Backlog(row.number, max(0.0, float(row.oldest_s)))  # type: ignore[attr-defined]
