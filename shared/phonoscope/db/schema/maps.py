"""The table of maps."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base


class MapPointRow(Base):
    """A track's point on its owner's map under one model; both coordinates in [-1, 1]."""

    __tablename__ = "map_points"

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    model_name: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    x: Mapped[float]
    y: Mapped[float]
