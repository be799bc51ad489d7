"""The table of reembeddings; that of spaces is in ``windows``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base


class ReembeddingRow(Base):
    """That a space is to be filled with the tracks of one owner that it lacks.

    Args:
        model: the name of a served model that embeds in that space.
        failed: how many tracks were tried and are not in it.
    """

    __tablename__ = "reembeddings"
    __table_args__ = (
        Index("ix_reembeddings_under_way", "asked_at", postgresql_where="finished_at IS NULL"),
        Index("ix_reembeddings_owner_id", "owner_id"),
    )

    space_id: Mapped[int] = mapped_column(
        SmallInteger, ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    failed: Mapped[int] = mapped_column(default=0, server_default="0")
