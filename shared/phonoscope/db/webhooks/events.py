"""Events: what happened to jobs, for whoever asked to be told."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy import func as sql
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import EventRow

KEPT = timedelta(days=30)


def forget_old_events(session: Session) -> None:
    """Erases those that nobody will be told of any more."""
    session.execute(delete(EventRow).where(EventRow.created_at < sql.now() - KEPT))
