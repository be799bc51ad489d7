"""The tables that keep the service going: its workers, its walks and repeated requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base
from phonoscope.states import Pool


class WorkerRow(Base):
    """A worker process, with its last heartbeat."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    pool: Mapped[Pool] = mapped_column(index=True)
    host: Mapped[str]
    device: Mapped[str]
    lanes: Mapped[list[str]] = mapped_column(server_default="[]")
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WalkRow(Base):
    """The position of a walk over many objects, which continues from time to time."""

    __tablename__ = "walks"

    name: Mapped[str] = mapped_column(primary_key=True)
    after: Mapped[str] = mapped_column(server_default="")
    went_on_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IdempotencyRow(Base):
    """A request that may be sent again under its key; ``status`` and ``body`` are those of its first answer."""

    __tablename__ = "idempotency_keys"

    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[str]
    status: Mapped[int | None]
    location: Mapped[str | None]
    body: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
