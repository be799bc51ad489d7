"""The locks under which tasks change together; ``LOCKS.md`` has their order and the reasons."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.prepared import Prepared

SUBJECT = "SELECT pg_advisory_xact_lock(hashtextextended(:subject_id, 0))"
"""Locks a subject: a track, or an owner's library."""

_SUBJECTS = """
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended(coalesce(track_id, jobs.owner_id), 0) AS key
        FROM tasks JOIN jobs ON jobs.id = job_id WHERE tasks.id = ANY(:tasks) ORDER BY key
    ) AS subjects
"""


def family(own: str) -> str:
    """SQL that locks tasks with their followers, then all their jobs, each by id; it returns the jobs' ids.

    Args:
        own: SQL of an array of the tasks' ids.
    """
    return f"""
        WITH own AS MATERIALIZED (SELECT unnest({own}) AS id),
        held AS (
            SELECT id, job_id FROM tasks
            WHERE id = ANY(ARRAY(SELECT id FROM own)) OR follows = ANY(ARRAY(SELECT id FROM own))
            ORDER BY id FOR UPDATE
        )
        SELECT id FROM jobs WHERE id = ANY(ARRAY(SELECT job_id FROM held)) ORDER BY id FOR UPDATE
    """  # noqa: S608 - of constants


_LOCK_FAMILY = Prepared(_SUBJECTS, family(":tasks"), types={"tasks": "text[]"})
_LOCK_SUBJECT = text(SUBJECT)


def lock_subject(session: Session, subject_id: str) -> None:
    """Waits until no other transaction makes or changes jobs of this track, or of this owner's library."""
    session.connection().execute(_LOCK_SUBJECT, {"subject_id": subject_id})


def lock_family(session: Session, tasks: Collection[str]) -> None:
    """Locks the subjects of these tasks, then the tasks with those that follow them, then all their jobs."""
    _LOCK_FAMILY.execute(session, {"tasks": sorted(tasks)})
