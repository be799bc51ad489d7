"""Events of jobs and webhooks."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

KEPT = timedelta(days=30)

_FORGET = text(
    """
    WITH old AS MATERIALIZED (
        SELECT id FROM events WHERE created_at < now() - CAST(:kept AS interval)
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    DELETE FROM events WHERE id = ANY(ARRAY(SELECT id FROM old)) RETURNING id
    """
)


def forget_old_events(session: Session, most: int) -> int:
    """Erases events older than ``KEPT`` with their deliveries, the oldest first, ``most`` at once; returns how many."""
    return len(session.connection().execute(_FORGET, {"kept": KEPT, "most": most}).all())
