"""The tables of owners' classifiers: what each is taught from, its versions, its doubts and its queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import REAL, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base


class ClassifierRow(Base):
    """A classifier of an owner's own, by its name.

    Args:
        spec: what was asked for: labels, examples and where they come from, as a request has them.
        again: a teaching was asked for while one runs.
        reteach: it is taught again when labels change.
        problem: why the last teaching failed; empty when it did not.
        version: of its newest head; 0 before it has one.
        asked_at: when the last teaching was asked for.
        applied_version: the version that labels the library, or is about to.
        applied_after: the id of the last track that was labelled; empty when all are, or none is.
        applied: the counts of the labelling so far.
    """

    __tablename__ = "classifiers"
    __table_args__ = (
        UniqueConstraint("owner_id", "name"),
        Index(
            "ix_classifiers_open",
            "asked_at",
            postgresql_where="state = 'embedding' OR state = 'teaching' OR again",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    name: Mapped[str]
    state: Mapped[str]
    model: Mapped[str]
    digest: Mapped[str]
    several: Mapped[bool]
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reteach: Mapped[bool] = mapped_column(default=False, server_default="false")
    again: Mapped[bool] = mapped_column(default=False, server_default="false")
    job_id: Mapped[str | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    key_id: Mapped[str | None]
    applied_version: Mapped[int | None]
    applied_after: Mapped[str] = mapped_column(default="", server_default="")
    applied: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    applied_at: Mapped[datetime | None]


class ClassifierVersionRow(Base):
    """What one teaching made: a head, as its manifest and its weights in safetensors, with its figures."""

    __tablename__ = "classifier_versions"

    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    manifest: Mapped[dict[str, Any]] = mapped_column(JSONB)
    weights: Mapped[bytes] = mapped_column(LargeBinary)
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    read_at: Mapped[datetime]
    """When its examples were read: later labels are not in it."""
    taught_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_at: Mapped[datetime | None]
    """When a recording was erased that it was taught from; only of the newest version, older ones go with it."""


class ClassifierTrackRow(Base):
    """A recording that versions of a classifier were taught from, between the first and the last of them."""

    __tablename__ = "classifier_tracks"

    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id", ondelete="CASCADE"), primary_key=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True, index=True)
    first_version: Mapped[int]
    last_version: Mapped[int]


class ClassifierLabelChangeRow(Base):
    """When the labels of a classifier changed last, which is taught again then; gone when that is asked for."""

    __tablename__ = "classifier_label_changes"

    classifier_id: Mapped[str] = mapped_column(ForeignKey("classifiers.id", ondelete="CASCADE"), primary_key=True)
    changed_at: Mapped[datetime]


class _OfWindow:
    """A window of a track, beside a version of a classifier."""

    classifier_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    track_id: Mapped[str] = mapped_column(ForeignKey("tracks.id", ondelete="CASCADE"), index=True)
    start_s: Mapped[float] = mapped_column(REAL)
    end_s: Mapped[float] = mapped_column(REAL)
    label: Mapped[str]
    probability: Mapped[float] = mapped_column(REAL)


def _of_version() -> ForeignKeyConstraint:
    columns = ["classifier_id", "version"]
    theirs = [f"classifier_versions.{column}" for column in columns]
    return ForeignKeyConstraint(columns, theirs, ondelete="CASCADE")


class ClassifierDoubtRow(_OfWindow, Base):
    """An example that contradicts its neighbours: it was given one label, and is taken for another, ``label``."""

    __tablename__ = "classifier_doubts"
    __table_args__ = (_of_version(),)

    given: Mapped[str]


class ClassifierQueueRow(_OfWindow, Base):
    """A window that would teach much, with the label to ask about."""

    __tablename__ = "classifier_queue"
    __table_args__ = (_of_version(),)

    reason: Mapped[str]
