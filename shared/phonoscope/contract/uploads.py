"""Uploads that come in pieces."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from phonoscope.contract.service import Problem
from phonoscope.states import UploadStatus


class PendingUpload(BaseModel):
    """An upload that comes in pieces, until it is a track; it can be read for as long as it could have gone on."""

    id: str
    status: UploadStatus
    filename: str
    size_bytes: int
    offset_bytes: int = Field(description="how many bytes are kept; the next ones begin there")
    sha256: str | None = Field(description="of the whole, where you said it")
    track_id: str | None = Field(description="the track that it became")
    job_id: str | None = Field(description="the job that you asked for with it")
    problem: Problem | None = Field(description="why it was refused")
    created_at: datetime
    expires_at: datetime = Field(description="when it is erased, unless more bytes come before")
