"""Clips that searches compare: tracks of an owner of their own, so that nothing else finds, lists or counts them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import OwnerRow, TrackRow
from phonoscope.ids import new_id


def clips_owner(session: Session, owner_id: str) -> str:
    """The id of the owner that holds the clips of this one; it is made where it is absent, and has no key."""
    wanted = select(OwnerRow.id).where(OwnerRow.clips_of == owner_id)
    known = session.scalar(wanted)
    if known is None:
        new = {"id": new_id("own"), "name": f"clips of {owner_id}", "clips_of": owner_id}
        # One that another transaction adds meanwhile is waited for, and found by the next statement.
        session.execute(insert(OwnerRow).values(new).on_conflict_do_nothing())
        known = session.scalars(wanted).one()
    return known


def abandoned_clips(session: Session, older_than: timedelta, most: int) -> list[tuple[str, str]]:
    """The owners and ids of clips whose searches must have ended: they are older than that."""
    statement = (
        select(TrackRow.owner_id, TrackRow.id)
        .join(OwnerRow, OwnerRow.id == TrackRow.owner_id)
        .where(OwnerRow.clips_of.is_not(None), TrackRow.created_at < func.now() - older_than)
    )
    rows = session.execute(statement.order_by(TrackRow.created_at).limit(most))
    return [(owner_id, track_id) for owner_id, track_id in rows]
