"""Walks over more than can be looked through at once: each goes on from where it stopped, in any process."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import WalkRow

ORPHANS = "orphans"
"""The walk over the store's objects that looks for those without a row."""


def go_on(session: Session, name: str, every: timedelta) -> str | None:
    """The key after which a walk goes on, empty for its start; ``None`` when it went on less than ``every`` ago."""
    statement = insert(WalkRow).values(name=name)
    return session.scalar(
        statement.on_conflict_do_update(
            index_elements=[WalkRow.name],
            set_={"went_on_at": func.now()},
            where=WalkRow.went_on_at <= func.now() - every,
        ).returning(WalkRow.after)
    )


def keep_place(session: Session, name: str, after: str) -> None:
    """Notes the last key that a walk has seen; empty when it has come to the end."""
    session.execute(update(WalkRow).where(WalkRow.name == name).values(after=after))
