"""Events of jobs and webhooks."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy import func as sql
from sqlalchemy.orm import Session

from phonoscope.db.schema.webhooks import EventRow

KEPT = timedelta(days=30)


def forget_old_events(session: Session) -> None:
    """Erases events older than ``KEPT``, which no delivery needs any more."""
    session.execute(delete(EventRow).where(EventRow.created_at < sql.now() - KEPT))
