"""Cancelling jobs."""

from __future__ import annotations

from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.accounts import IN_ACCOUNT
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.tasks.family import lock_family
from phonoscope.db.tasks.rollup import promote_followers, settle
from phonoscope.errors import JobEnded, NotFound
from phonoscope.states import Status, TaskQueue

_TASKS_OF = text(
    "SELECT tasks.id FROM tasks JOIN jobs ON jobs.id = job_id WHERE job_id = :job_id AND jobs.owner_id = :owner_id"
)
_AT_A_TIME = 100
_TASKS_OF_ALL = text("SELECT id FROM tasks WHERE job_id = ANY(:jobs)")
_OPEN_JOBS = text(
    f"""
    SELECT id FROM jobs
    WHERE owner_id = ANY(ARRAY({IN_ACCOUNT})) AND status IN ('queued', 'running') AND id > :after
      AND (CAST(:of_key AS text) IS NULL OR key_id = :of_key)
    ORDER BY id LIMIT :most
    """  # noqa: S608 - of constants alone
)
_STATUS = text("SELECT status FROM jobs WHERE id = :job_id AND owner_id = :owner_id")
_STILL_OPEN = text(
    "SELECT id, owner_id FROM jobs WHERE id = ANY(:jobs) AND status IN ('queued', 'running') ORDER BY id"
)

# Under the locks of lock_family (LOCKS.md).
_CANCEL = text(
    """
    UPDATE tasks
    SET status = 'cancelled', stage = 'cancelled', lease_token = NULL, lease_expires_at = NULL, follows = NULL,
        waits_for = NULL, finished_at = now()
    WHERE job_id = ANY(:jobs) AND status IN ('queued', 'running')
    RETURNING id
    """
)


def no_job(job_id: str) -> NotFound:
    """The error for a job that the owner has not, or has no more."""
    return NotFound(f"no job {job_id!r}: it never was, was erased with its recording, or was forgotten after its end")


def cancel_job(session: Session, owner_id: str, job_id: str) -> list[TaskQueue]:
    """Cancels the job's tasks that have not ended. A worker that runs one loses the lease, and can write nothing.

    Returns where tasks can start now that followed one of them.

    Raises:
        NotFound: the owner has no such job.
        JobEnded: it has ended already.
    """
    connection, scope = session.connection(), {"job_id": job_id, "owner_id": owner_id}
    lock_family(session, list(connection.scalars(_TASKS_OF, scope)))
    status = connection.scalar(_STATUS, scope)
    if status is None:
        raise no_job(job_id)
    if Status(status).ended:
        raise JobEnded(f"job {job_id!r} has ended: it is {status}")
    return cancel_tasks(session, [job_id])


def cancel_tasks(session: Session, jobs: list[str]) -> list[TaskQueue]:
    """Cancels the tasks that have not ended of these jobs, whose families the caller has locked."""
    cancelled = list(session.connection().scalars(_CANCEL, {"jobs": jobs}))
    return [*promote_followers(session, cancelled), *settle(session, jobs)]


def cancel_open_jobs(database: Database, actor: Actor, of_key: str | None = None) -> tuple[int, list[TaskQueue]]:
    """Cancels the owner's jobs that have not ended, or those of them that an API key asked for; several at a time.

    Those for the clips that the owner searches by are among them, which no log has.

    Returns how many, and where tasks can start now that followed one of theirs. Raises ``DatabaseUnavailable``; those
    that were cancelled before stay so.
    """
    after, count, queues = "", 0, set[TaskQueue]()
    while True:
        found, cancelled, free = database.retrying(partial(_cancel_some, actor=actor, of_key=of_key, after=after))
        count += cancelled
        queues |= set(free)
        if len(found) < _AT_A_TIME:
            return count, sorted(queues)
        after = found[-1]


def _cancel_some(
    session: Session, actor: Actor, of_key: str | None, after: str
) -> tuple[list[str], int, list[TaskQueue]]:
    """Which jobs were found, how many of them had not ended once they were locked, and where tasks can start now."""
    connection = session.connection()
    scope = {"owner_id": actor.owner_id, "of_key": of_key, "after": after, "most": _AT_A_TIME}
    found = list(connection.scalars(_OPEN_JOBS, scope))
    lock_family(session, list(connection.scalars(_TASKS_OF_ALL, {"jobs": found})))
    still_open = connection.execute(_STILL_OPEN, {"jobs": found}).all()
    queues = cancel_tasks(session, [job.id for job in still_open])
    for job in still_open:
        if job.owner_id == actor.owner_id:
            record(session, actor, "job.cancelled", job.id)
    return found, len(still_open), queues
