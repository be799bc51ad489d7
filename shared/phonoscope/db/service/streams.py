"""Open streams of events, counted by owner over all gateways."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.prepared import Prepared
from phonoscope.errors import OpenStreamQuotaExceeded

RENEW_EVERY_S = 20.0
_GOOD_FOR = timedelta(seconds=60)
_SOON_S = 5
_TYPES = {"id": "text", "owner_id": "text", "good_for": "interval", "most": "bigint"}

# Statements of their own, so that the second sees the streams that were opened while the first waited.
_OPEN = Prepared(
    "SELECT pg_advisory_xact_lock(hashtextextended('streams ' || :owner_id, 0))",
    """
    INSERT INTO open_streams (id, owner_id, until)
    SELECT :id, :owner_id, now() + :good_for
    WHERE (SELECT count(*) FROM open_streams WHERE owner_id = :owner_id AND until > now()) < :most
    RETURNING id
    """,
    types=_TYPES,
)
_RENEW = text(
    "UPDATE open_streams SET until = now() + CAST(:good_for AS interval) WHERE id = ANY(CAST(:ids AS text[]))"
)
_CLOSE = text("DELETE FROM open_streams WHERE id = :id")
_COUNT = text("SELECT count(*) FROM open_streams WHERE owner_id = :owner_id AND until > now()")
_FORGET = text("DELETE FROM open_streams WHERE until < now()")


def open_stream(session: Session, owner_id: str, stream_id: str, most: int) -> None:
    """Counts a stream as open until it is closed, or not renewed any more. In a transaction of its own.

    Raises ``OpenStreamQuotaExceeded`` when the owner has ``most`` open streams; 0 is no limit.
    """
    found = _OPEN.execute(
        session, {"id": stream_id, "owner_id": owner_id, "good_for": _GOOD_FOR, "most": most or 2**62}
    ).one_or_none()
    if found is None:
        detail = f"{most:,} streams may be open at a time; close one first"
        raise OpenStreamQuotaExceeded(detail, limit=most, retry_after_s=_SOON_S)


def renew_streams(session: Session, stream_ids: Collection[str]) -> None:
    """Tells that these streams are still open; called every ``RENEW_EVERY_S``."""
    session.connection().execute(_RENEW, {"ids": list(stream_ids), "good_for": _GOOD_FOR})


def close_stream(session: Session, stream_id: str) -> None:
    session.connection().execute(_CLOSE, {"id": stream_id})


def count_streams(session: Session, owner_id: str) -> int:
    """How many streams the owner has open."""
    return int(session.connection().scalar(_COUNT, {"owner_id": owner_id}) or 0)


def forget_dead_streams(session: Session) -> None:
    """Erases the streams of gateways that died."""
    session.connection().execute(_FORGET)
