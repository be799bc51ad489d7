"""Tables of what owners have used, and of what was done with their keys."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base


class UsageDayRow(Base):
    """What an owner has used on a day (UTC) of the quotas that begin anew every day."""

    __tablename__ = "usage_days"

    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    uploads: Mapped[int] = mapped_column(BigInteger, server_default="0")
    upload_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    test_deliveries: Mapped[int] = mapped_column(BigInteger, server_default="0")


class OpenStreamRow(Base):
    """An open stream of events. Its gateway renews ``until``; after that the gateway counts as dead."""

    __tablename__ = "open_streams"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy's own way

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    until: Mapped[datetime]


class RateRow(Base):
    """A rate limit's state while the broker is away: the time at which its whole burst is free again (GCRA)."""

    __tablename__ = "rates"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy's own way

    name: Mapped[str] = mapped_column(primary_key=True)
    free_at: Mapped[datetime]


class AuditRow(Base):
    """An entry of the audit log. It outlives its owner and its subject, so it refers to no other row.

    ``owner_id`` is empty for what concerns the whole service, ``key_id`` for what the operator or the service did.
    """

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_owner_id_created_at", "owner_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    key_id: Mapped[str | None]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
