"""Objects that no row refers to, and recordings older than they may be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func as sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import TrackRow

# An attempt writes under its lease's token; its objects are not orphans while the lease is held.
_KNOWN = text(
    """
    SELECT key FROM unnest(CAST(:keys AS text[])) AS key
    WHERE EXISTS (SELECT FROM tracks WHERE id = split_part(key, '/', 2) AND object_key = key)
       OR EXISTS (SELECT FROM artifacts WHERE object_key = key)
       OR EXISTS (SELECT FROM tasks WHERE lease_token = split_part(key, '/', 4) AND status = 'running')
    """
)


def unknown_keys(session: Session, keys: Collection[str]) -> list[str]:
    """The keys that belong to no track, no artifact and no running attempt."""
    known = set(session.connection().scalars(_KNOWN, {"keys": list(keys)}))
    return sorted(set(keys) - known)


def expired_tracks(session: Session, older_than: timedelta, most: int) -> list[tuple[str, str]]:
    """The owners and ids of recordings that were uploaded longer ago than that, the oldest first."""
    statement = select(TrackRow.owner_id, TrackRow.id).where(TrackRow.created_at < sql.now() - older_than)
    rows = session.execute(statement.order_by(TrackRow.created_at).limit(most))
    return [(owner_id, track_id) for owner_id, track_id in rows]
