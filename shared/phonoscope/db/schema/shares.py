"""The table of links that share one recording."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base


class ShareRow(Base):
    """A link by which everybody reads one track, until it expires or is revoked, which erases the row.

    Of its secret only a SHA-256 is kept. ``ends_with_key``: it ends with the API key that made it, ``key_id``, or with
    that user's last session.
    """

    __tablename__ = "shares"

    id: Mapped[str] = mapped_column(primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), index=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    secret_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    key_id: Mapped[str | None]
    ends_with_key: Mapped[bool] = mapped_column(server_default="false")
