"""The tables of labels that owners confirmed or rejected, and of how these changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.annotations.values import Annotation
from phonoscope.db.schema.tables import Base
from phonoscope.states import LabelState


class AnnotationRow(Base):
    """A label that an owner confirmed or rejected, of a whole track, of a span or of a point.

    Without ``start_s`` it is of the whole track, without ``end_s`` alone of a point. Of a track's, the one with the
    lowest id was said first.
    """

    __tablename__ = "annotations"
    __table_args__ = (
        UniqueConstraint("track_id", "label", "start_s", "end_s", postgresql_nulls_not_distinct=True),
        Index("ix_annotations_owner_id_label_state", "owner_id", "label", "state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    label: Mapped[str]
    state: Mapped[LabelState]
    start_s: Mapped[float | None] = mapped_column(Double)
    end_s: Mapped[float | None] = mapped_column(Double)
    changed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    key_id: Mapped[str | None]

    @property
    def annotation(self) -> Annotation:
        return Annotation(self.label, self.state, self.start_s, self.end_s)


class LabelChangeRow(Base):
    """A change of a track's annotations: the revision that it made, and what it added and removed.

    An annotation whose state changed is among both. ``key_id`` is empty for what the operator or the service did.
    """

    __tablename__ = "label_changes"
    __table_args__ = (
        UniqueConstraint("track_id", "revision"),
        Index("ix_label_changes_owner_id_created_at", "owner_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    key_id: Mapped[str | None]
    action: Mapped[str]
    added: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    removed: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
