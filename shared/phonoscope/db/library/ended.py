"""Ended jobs that are older than they may be, and that nothing shows any more.

A job goes with its tasks, their results and the rows of their artifacts. Its events and their deliveries outlive it, as
they outlive a track, until their own time is over (``webhooks.events``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.locks import Lock, try_lock
from phonoscope.db.service.walks import ENDED, continue_walk, save_position

LEAST_KEPT = timedelta(days=1)
"""A job is kept for so long: a request that is repeated under its key is answered with it. What was shown is kept for
as long: links to it are good for less, unless they are set to be good for longer."""
REST = timedelta(hours=1)
"""Time between the end of a walk over all ended tasks and the next one."""
_START = "-infinity"

# `OFFSET 0` has PostgreSQL look up each row: it would else read a whole table where it expects many of them.
_FORGETTABLE = """
    jobs.finished_at < now() - CAST(:older_than AS interval)
    AND NOT EXISTS (
        SELECT FROM tasks AS own WHERE own.job_id = jobs.id AND (
            EXISTS (
                SELECT FROM track_results AS shown
                WHERE shown.track_id = jobs.track_id AND own.id IN (shown.task_id, shown.produced_by) OFFSET 0)
            OR own.source_id IS NULL AND EXISTS (
                SELECT FROM tasks AS copied
                WHERE copied.fingerprint = own.fingerprint AND copied.source_id = own.id OFFSET 0)
            OR EXISTS (SELECT FROM tasks AS follower WHERE follower.follows = own.id OFFSET 0)
            OR own.status = 'succeeded' AND EXISTS (
                SELECT FROM track_results AS fresh
                WHERE fresh.track_id = jobs.track_id AND fresh.task = own.name
                  AND fresh.finished_at > now() - CAST(:least_kept AS interval) OFFSET 0
            ) AND NOT EXISTS (
                SELECT FROM jobs AS other JOIN tasks AS later ON later.job_id = other.id
                WHERE other.track_id = jobs.track_id AND later.name = own.name AND later.status = 'succeeded'
                  AND later.finished_at > own.finished_at
                  AND later.finished_at < now() - CAST(:least_kept AS interval)
                  AND (other.options -> CAST(own.name AS text), other.options -> 'classify',
                       other.options -> 'audio_track')
                      IS NOT DISTINCT FROM (jobs.options -> CAST(own.name AS text), jobs.options -> 'classify',
                                            jobs.options -> 'audio_track')
                  AND (SELECT model_name FROM results WHERE task_id = later.id)
                      IS NOT DISTINCT FROM (SELECT model_name FROM results WHERE task_id = own.id) OFFSET 0)
        ) OFFSET 0)
    AND NOT EXISTS (
        SELECT FROM tasks AS drawn JOIN results ON results.task_id = drawn.id
        WHERE drawn.job_id = jobs.id AND drawn.name = 'map' AND drawn.status = 'succeeded' AND NOT EXISTS (
            SELECT FROM tasks AS later JOIN results AS newer ON newer.task_id = later.id
            WHERE later.owner_id = drawn.owner_id AND later.name = 'map' AND later.status = 'succeeded'
              AND (later.finished_at, later.id) > (drawn.finished_at, drawn.id)
              AND newer.model_name = results.model_name OFFSET 0
        ) OFFSET 0)
    AND NOT EXISTS (
        SELECT FROM classifiers
        WHERE classifiers.owner_id = jobs.owner_id AND (
            jobs.id IN (classifiers.job_id, applied ->> 'job_id')
            OR state = 'embedding' AND asked_at <= jobs.created_at
        ) OFFSET 0)
    AND NOT EXISTS (
        SELECT FROM reembeddings
        WHERE space_id = jobs.reembeds AND reembeddings.owner_id = jobs.owner_id
          AND reembeddings.finished_at IS NULL OFFSET 0)
    AND NOT EXISTS (
        SELECT FROM events WHERE events.job_id = jobs.id AND (
            sent_out_at IS NULL
            OR EXISTS (SELECT FROM deliveries WHERE event_id = events.id AND deliveries.status = 'pending' OFFSET 0)
        ) OFFSET 0)
    AND (jobs.metadata = '{}' OR jobs.track_id IS NULL OR (jobs.track_id, jobs.metadata, jobs.created_at) NOT IN (
        SELECT track_id, metadata, max(created_at) FROM jobs AS same
        WHERE metadata <> '{}' AND track_id = ANY(ARRAY(
            SELECT track_id FROM jobs AS tagged WHERE tagged.id = ANY(:jobs) AND tagged.metadata <> '{}'))
        GROUP BY track_id, metadata))
"""
"""What holds of one of the ``jobs`` that nothing refers to, as SQL.

It ended long enough ago, and

- its track shows no result that one of its tasks asked for or computed;
- nor did it within the time for which links are good, since whoever read it has links to its artifacts: a task with the
  same name, options and model that succeeded later had ended by then;
- no task has a copy of its results, whose artifacts would go with it, and none follows it;
- it did not draw its owner's map;
- no classifier is taught or applied by it, or waits for what it embeds;
- no reembedding counts it among the tracks that were tried;
- all endpoints have been sent its events, or are given up;
- a newer job of its track has the same metadata, by which the track is found.
"""

_ENDED = text(
    """
    SELECT job_id, id, finished_at FROM tasks
    WHERE finished_at < now() - CAST(:older_than AS interval) AND finished_at >= CAST(:at AS timestamptz)
      AND (finished_at, id) > (CAST(:at AS timestamptz), :id)
    ORDER BY finished_at, id LIMIT :most
    """
)
_CANDIDATES = text(
    f"""
    SELECT id, hashtextextended(coalesce(track_id, owner_id), 0) AS subject
    FROM jobs WHERE id = ANY(:jobs) AND {_FORGETTABLE}
    """  # noqa: S608 - of constants
)
# A subject that somebody has locked, to make or change its jobs, is left to the next walk: nobody is waited for.
_LOCK = text("SELECT key FROM unnest(CAST(:keys AS bigint[])) AS subject (key) WHERE pg_try_advisory_xact_lock(key)")
_FORGET = text(
    f"""
    WITH gone AS MATERIALIZED (
        SELECT id FROM jobs WHERE id = ANY(:jobs) AND {_FORGETTABLE} ORDER BY id FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        DELETE FROM jobs WHERE id = ANY(ARRAY(SELECT id FROM gone)) RETURNING id
    )
    SELECT (SELECT count(*) FROM forgotten) AS jobs, ARRAY(
        SELECT object_key FROM artifacts
        WHERE task_id = ANY(ARRAY(SELECT id FROM tasks WHERE job_id = ANY(ARRAY(SELECT id FROM gone))))
    ) AS keys
    """  # noqa: S608 - of constants
)


@dataclass(frozen=True)
class Forgotten:
    """How many jobs were forgotten, and the objects of their artifacts, to be erased after the commit."""

    jobs: int = 0
    keys: Sequence[str] = ()


def forget_ended(
    session: Session, older_than: timedelta, most: int, *, links_for: timedelta = LEAST_KEPT
) -> Forgotten | None:
    """Forgets those jobs that nothing shows among the next ``most`` tasks that ended longer ago than that.

    Each call goes on where the one before it stopped, in any process; of two at once one does nothing.

    Args:
        older_than: since the job's end; one day at least.
        links_for: for how long a link to an artifact is good; one day at least.

    Returns ``None`` once all have been looked at; after a rest it begins again. Likewise where another one is at work.
    """
    if not try_lock(session, Lock.FORGET):
        return None
    after = continue_walk(session, ENDED, timedelta(0), rest=REST)
    if after is None:
        return None
    at, _, task_id = after.partition(" ")
    limits = {"older_than": max(older_than, LEAST_KEPT), "least_kept": max(links_for, LEAST_KEPT)}
    tasks = session.execute(_ENDED, limits | {"at": at or _START, "id": task_id, "most": most}).all()
    forgotten = _forget(session, {task.job_id for task in tasks}, limits)
    more = len(tasks) == most
    save_position(session, ENDED, f"{tasks[-1].finished_at.isoformat()} {tasks[-1].id}" if more else "")
    return forgotten


def _forget(session: Session, jobs: set[str], limits: dict[str, timedelta]) -> Forgotten:
    """Under the locks of their subjects, so that nobody repeats or shows meanwhile what goes (``tasks/LOCKS.md``)."""
    found = session.execute(_CANDIDATES, {"jobs": sorted(jobs), **limits}).all()
    locked = set(session.scalars(_LOCK, {"keys": sorted({job.subject for job in found})}))
    held = sorted(job.id for job in found if job.subject in locked)
    if not held:
        return Forgotten()
    gone = session.execute(_FORGET, {"jobs": held, **limits}).one()
    return Forgotten(gone.jobs, gone.keys)
