"""The tables of uploads that come in pieces."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from phonoscope.db.schema.tables import Base
from phonoscope.states import UploadStatus


class UploadRow(Base):
    """An upload that comes in pieces; it becomes a track when it is whole.

    While ``writer_until`` is ahead, the request ``writer`` alone changes it. ``said`` is what the client sent as
    metadata, ``asked`` the job that it wants, ``problem`` why it was refused. It goes with the track
    that it has become.
    """

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    status: Mapped[UploadStatus]
    filename: Mapped[str]
    said: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    sha256: Mapped[str | None]
    asked: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    multipart_id: Mapped[str | None]
    part_bytes: Mapped[int | None] = mapped_column(BigInteger)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    track_id: Mapped[str | None]
    job_id: Mapped[str | None]
    writer: Mapped[str | None]
    writer_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class UploadPieceRow(Base):
    """The object with the bytes of an upload from ``start`` on."""

    __tablename__ = "upload_pieces"

    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    object_key: Mapped[str]
