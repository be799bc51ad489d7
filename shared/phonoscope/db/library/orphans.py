"""Objects that no row refers to, and recordings older than they may be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

# An attempt writes under its lease's token; its objects are not orphans while the lease is held.
_KNOWN = text(
    """
    SELECT key FROM unnest(CAST(:keys AS text[])) AS key
    WHERE EXISTS (SELECT FROM tracks WHERE id = split_part(key, '/', 2) AND object_key = key)
       OR EXISTS (SELECT FROM artifacts WHERE object_key = key)
       OR EXISTS (SELECT FROM tasks WHERE lease_token = split_part(key, '/', 4) AND status = 'running')
    """
)
# A look into the index of each owner: no index has the recordings of all by their time.
_EXPIRED = text(
    """
    SELECT old.owner_id, old.id FROM owners CROSS JOIN LATERAL (
        SELECT owner_id, id FROM tracks
        WHERE owner_id = owners.id AND created_at < now() - CAST(:older_than AS interval)
        ORDER BY created_at, id LIMIT :most
    ) AS old
    LIMIT :most
    """
)


def unknown_keys(session: Session, keys: Collection[str]) -> list[str]:
    """The keys that belong to no track, no artifact and no running attempt."""
    known = set(session.connection().scalars(_KNOWN, {"keys": list(keys)}))
    return sorted(set(keys) - known)


def expired_tracks(session: Session, older_than: timedelta, most: int) -> list[tuple[str, str]]:
    """The owners and ids of recordings that were uploaded longer ago than that, of each owner the oldest first."""
    rows = session.execute(_EXPIRED, {"older_than": older_than, "most": most})
    return [(owner_id, track_id) for owner_id, track_id in rows]
