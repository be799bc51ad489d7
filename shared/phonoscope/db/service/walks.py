"""Walks over many objects: each continues where it stopped, in any process."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import case, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.db.schema.service import WalkRow

ORPHANS = "orphans"
"""The walk over the store's objects that looks for those without a row."""
PIECES = "pieces"
"""The walk over the pieces of uploads that looks for those without an upload."""
INDEXES = "indexes"
"""The round that makes the indexes of vectors that are missing."""
RECALL = "recall"
"""The round that measures what these indexes find."""
ENDED = "ended"
"""The walk over tasks that ended long ago, by the time of their end."""


def continue_walk(session: Session, name: str, every: timedelta, *, rest: timedelta | None = None) -> str | None:
    """The key after which a walk continues, empty at its start; ``None`` when it continued less than ``every`` ago.

    Args:
        rest: the same at its start; as ``every`` unless given.
    """
    pause = case((WalkRow.after == "", every if rest is None else rest), else_=every)
    statement = insert(WalkRow).values(name=name)
    return session.scalar(
        statement.on_conflict_do_update(
            index_elements=[WalkRow.name],
            set_={"went_on_at": func.now()},
            where=WalkRow.went_on_at <= func.now() - pause,
        ).returning(WalkRow.after)
    )


def save_position(session: Session, name: str, after: str) -> None:
    """Notes the last key that a walk has visited; empty when it has reached the end."""
    session.execute(update(WalkRow).where(WalkRow.name == name).values(after=after))
