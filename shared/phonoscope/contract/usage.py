"""Quotas: how much of each an owner has used."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class Quota(StrEnum):
    """What is limited for each owner."""

    REQUESTS = "requests"
    """Requests a second; unused ones are saved for a burst of ten seconds."""
    UPLOADS = "uploads"
    """Uploads a day (UTC)."""
    UPLOAD_BYTES = "upload_bytes"
    """Uploaded bytes a day (UTC)."""
    STORED_BYTES = "stored_bytes"
    """Bytes of stored recordings."""
    STORED_TRACKS = "stored_tracks"
    """Stored recordings."""
    QUEUED_AUDIO = "queued_audio_s"
    """Seconds of audio in jobs that have not ended."""
    QUEUED_JOBS = "queued_jobs"
    """Jobs that have not ended."""
    OPEN_STREAMS = "open_streams"
    """Open streams of events."""
    OPEN_UPLOADS = "open_uploads"
    """Unfinished uploads that come in pieces."""
    TEST_DELIVERIES = "test_deliveries"
    """Test deliveries of webhooks a day (UTC)."""
    CLASSIFIERS = "classifiers"
    """Classifiers of your own."""


class QuotaUsage(BaseModel):
    """How much of a quota is used."""

    name: Quota
    used: float
    limit: float | None = Field(description="`null`: no limit")
    window_s: int | None = Field(description="the seconds that it is for; `null`: for any time")
    resets_at: datetime | None = Field(description="when all is free again; `null`: as things end")


class Usage(BaseModel):
    """What an owner has used of each quota."""

    quotas: list[QuotaUsage]
