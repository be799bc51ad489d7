"""The tables of spaces and of what was heard in each window."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy import REAL, ForeignKey, Identity, Index, Integer, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import EMBEDDING_DIM, Base

LABEL_DIMENSIONS = 1_000_000
"""More than there will be labels: ``heard`` has a dimension for each label's id."""


class SpaceRow(Base):
    """A space: vectors of one body, by its name and digest, of one kind. Only vectors of one space are compared.

    ``recall`` is that of its searches, measured against exact ones with ``recall_sample`` queries.
    """

    __tablename__ = "spaces"
    __table_args__ = (UniqueConstraint("model", "digest", "kind"),)

    id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    model: Mapped[str]
    digest: Mapped[str]
    kind: Mapped[str]
    complete_at: Mapped[datetime | None]
    recall: Mapped[float | None] = mapped_column(REAL)
    recall_sample: Mapped[int | None]
    recall_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LabelRow(Base):
    """A label of a model that was heard in windows."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("model", "digest", "label"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    model: Mapped[str]
    digest: Mapped[str]
    label: Mapped[str]


class WindowEmbeddingRow(Base):
    """What a body heard in one window of a track, or of one of its stems; a silent window has no row.

    ``vector`` has length 1. ``heard`` are the probabilities of the labels, at the places of their ids.
    """

    __tablename__ = "window_embeddings"
    __table_args__ = (Index("ix_window_embeddings_owner_id_space_id_stem", "owner_id", "space_id", "stem"),)

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True)
    stem: Mapped[str] = mapped_column(primary_key=True, default="", server_default="")
    position: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    start_s: Mapped[float] = mapped_column(REAL)
    end_s: Mapped[float] = mapped_column(REAL)
    vector: Mapped[Any] = mapped_column(HALFVEC(EMBEDDING_DIM))
    heard: Mapped[Any] = mapped_column(SPARSEVEC(LABEL_DIMENSIONS))


class LabelPeaksRow(Base):
    """Where in a track, or in one of its stems, a label is most probable: ``positions`` of windows, the best first."""

    __tablename__ = "label_peaks"
    __table_args__ = (
        Index(
            "ix_label_peaks_owner_id_label_id_best",
            "owner_id",
            "label_id",
            text("best DESC"),
            postgresql_include=["stem", "track_id", "space_id"],
        ),
    )

    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True)
    stem: Mapped[str] = mapped_column(primary_key=True, default="", server_default="")
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    best: Mapped[float] = mapped_column(REAL)
    positions: Mapped[list[int]] = mapped_column(ARRAY(Integer))
