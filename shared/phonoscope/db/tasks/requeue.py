"""Requeues tasks whose lease expired, and finds those whose wake-up message was lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, Float, bindparam, select, text, update
from sqlalchemy import func as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import TaskRow
from phonoscope.db.tasks.family import lock_family
from phonoscope.db.tasks.rollup import pass_on, settle
from phonoscope.errors import PhonoscopeError
from phonoscope.retry import Backoff
from phonoscope.states import Lane, Pool, Status, TaskQueue

MAX_ATTEMPTS = 3
BACKOFF = Backoff(first_s=2.0, factor=5.0, attempts=MAX_ATTEMPTS)
"""How long a task waits after its first and its second attempt were lost."""

_NEVER_S = 1e9
_PATIENCE_S = 3_600.0
_ELSEWHERE_S = 5.0
"""How long, and how often, a task that a worker's release does not know waits for one that does."""

# Under the locks of lock_family (LOCKS.md).
_COUNTS = "(:counts OR queued_at < now() - make_interval(secs => :patience_s))"
_FAILS = f"({_COUNTS} AND attempt >= :most)"
_HAND_BACK = text(
    f"""
    UPDATE tasks
    SET lease_token = NULL, lease_expires_at = NULL, worker_id = NULL,
        attempt = CASE WHEN {_COUNTS} THEN attempt ELSE attempt - 1 END,
        status = CASE WHEN {_FAILS} THEN 'failed' ELSE 'queued' END,
        stage = CASE WHEN {_FAILS} THEN 'failed' ELSE 'waiting' END,
        error = CASE WHEN {_FAILS} THEN :problem END,
        finished_at = CASE WHEN {_FAILS} THEN now() END,
        progress = CASE WHEN {_FAILS} THEN progress ELSE 0 END,
        sent_at = now(), available_at = now() + make_interval(secs => CASE WHEN {_COUNTS}
            THEN (CAST(:waits AS double precision[]))[least(attempt, :most - 1)] ELSE :pause_s END)
    WHERE status = 'running' AND lease_token = ANY(:tokens)
    RETURNING id, job_id, pool, lane, status
    """  # noqa: S608 - of constants
).bindparams(
    bindparam("problem", type_=JSONB),
    bindparam("counts", type_=Boolean),
    bindparam("patience_s", type_=Float),
    bindparam("pause_s", type_=Float),
    most=MAX_ATTEMPTS,
    waits=list(BACKOFF.pauses()),
)


@dataclass(frozen=True)
class Lease:
    """A lease with its expiry, which changes whenever the lease is renewed."""

    token: str
    expires_at: datetime


def expired_leases(session: Session) -> set[Lease]:
    """Leases past their expiry by the database's clock. That clock may have jumped: look twice before requeuing."""
    statement = select(TaskRow.lease_token, TaskRow.lease_expires_at).where(
        TaskRow.status == Status.RUNNING, TaskRow.lease_expires_at < sql.now()
    )
    rows = session.execute(statement)
    return {Lease(token, expires_at) for token, expires_at in rows if token is not None and expires_at is not None}


def leases_of(session: Session, worker_id: str) -> set[str]:
    """The tokens of the leases that a worker holds."""
    held = (TaskRow.worker_id == worker_id, TaskRow.status == Status.RUNNING)
    return {token for token in session.scalars(select(TaskRow.lease_token).where(*held)) if token is not None}


def hand_back(
    session: Session, tokens: Collection[str], why: PhonoscopeError, *, counts: bool = True, elsewhere: bool = False
) -> list[TaskQueue]:
    """Takes tasks from their workers: they queue again, after a pause, or fail once their attempts are used up.

    Args:
        why: the problem with which they fail.
        counts: whether this was an attempt; false when a worker only had to stop.
        elsewhere: whether a worker of another release may know what this one does not: for an hour after the tasks were
            queued it is no attempt then, and they wait a few seconds. Workers of two releases run during an upgrade.

    Returns where tasks can start at once; one that waits for its next attempt is sent when it is due.
    """
    if not tokens:
        return []
    held = select(TaskRow.id).where(TaskRow.status == Status.RUNNING, TaskRow.lease_token.in_(tokens))
    lock_family(session, session.scalars(held).all())
    facts = {"tokens": sorted(tokens), "problem": why.as_problem(), "counts": counts and not elsewhere}
    facts |= (
        {"patience_s": _PATIENCE_S, "pause_s": _ELSEWHERE_S} if elsewhere else {"patience_s": _NEVER_S, "pause_s": 0.0}
    )
    rows = session.connection().execute(_HAND_BACK, facts).all()
    failed = [row.id for row in rows if row.status == Status.FAILED]
    pass_on(session, failed)
    free = settle(session, {row.job_id for row in rows})
    if counts or elsewhere:
        return free
    return [*free, *(TaskQueue(Pool(row.pool), Lane(row.lane)) for row in rows)]


def overdue_messages(session: Session, older_than: timedelta) -> list[TaskQueue]:
    """Where tasks wait whose message was last sent that long ago, or before they were due; marks them as sent.

    One queue for each job. Tasks that another transaction has locked are left to the next call.
    """
    overdue = (
        select(TaskRow.id)
        .where(
            TaskRow.status == Status.QUEUED,
            TaskRow.waits_for.is_(None),
            TaskRow.follows.is_(None),
            TaskRow.available_at <= sql.now(),
            (TaskRow.sent_at < sql.now() - older_than) | (TaskRow.sent_at < TaskRow.available_at),
        )
        .with_for_update(skip_locked=True)
    )
    sent = update(TaskRow).where(TaskRow.id.in_(overdue)).values(sent_at=sql.now())
    statement = sent.returning(TaskRow.job_id, TaskRow.pool, TaskRow.lane)
    jobs = {(job_id, TaskQueue(pool, lane)) for job_id, pool, lane in session.execute(statement)}
    return [queue for _, queue in sorted(jobs)]
