"""Rate limits while the broker is away: the generic cell rate algorithm (ITU-T I.371) in one statement."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

# ``free_at`` is the theoretical arrival time. A request is allowed when that is at most a burst ahead.
_TAKE = text(
    """
    INSERT INTO rates AS kept (name, free_at)
    VALUES (:name, clock_timestamp() + CAST(:each AS interval))
    ON CONFLICT (name) DO UPDATE
    SET free_at = greatest(kept.free_at, clock_timestamp()) + CAST(:each AS interval)
    WHERE greatest(kept.free_at, clock_timestamp()) + CAST(:each AS interval)
          <= clock_timestamp() + CAST(:burst AS interval)
    RETURNING extract(epoch FROM free_at - clock_timestamp())
    """
)
_AHEAD = text("SELECT extract(epoch FROM free_at - clock_timestamp()) FROM rates WHERE name = :name")
_FORGET = text("DELETE FROM rates WHERE free_at < now() - interval '1 minute'")


def take(session: Session, name: str, each_s: float, burst_s: float) -> tuple[bool, float]:
    """Takes one of a rate that allows one every ``each_s``, and as many at once as fit in ``burst_s``.

    Returns whether there was one, and the seconds until the whole burst is free again. In autocommit.
    """
    values = {"name": name, "each": timedelta(seconds=each_s), "burst": timedelta(seconds=burst_s)}
    taken = session.connection().scalar(_TAKE, values)
    return (False, ahead_s(session, name)) if taken is None else (True, float(taken))


def ahead_s(session: Session, name: str) -> float:
    """The seconds until the whole burst is free again; takes nothing."""
    return max(0.0, float(session.connection().scalar(_AHEAD, {"name": name}) or 0.0))


def forget_rates(session: Session) -> None:
    """Erases the states of limits whose whole burst is free."""
    session.connection().execute(_FORGET)
