"""What a caller has, or asks for, too much of."""

from __future__ import annotations

from typing import ClassVar

from phonoscope.errors.base import PhonoscopeError


class TooManyUploads(PhonoscopeError):
    """Too many of this owner's uploads wait to be read."""

    status = 429
    retryable = True
    retry_after_s = 5


class TooManySearches(PhonoscopeError):
    """Too many of this owner's searches wait for their turn."""

    status = 429
    retryable = True
    retry_after_s = 5


class TooManyTiles(PhonoscopeError):
    """Too many of this owner's requests wait for a part of a recording to be decoded."""

    status = 429
    retryable = True
    retry_after_s = 1


class TooManyRequests(PhonoscopeError):
    """Too many requests at once."""

    status = 429
    retryable = True
    retry_after_s = 1


class LimitReached(PhonoscopeError):
    """A limit is reached."""

    status = 429
    retryable = True
    retry_after_s = 60
    policy: ClassVar[str] = "limit"

    def __init__(
        self, detail: str, *, limit: float = 0.0, window_s: int | None = None, retry_after_s: int = 60
    ) -> None:
        super().__init__(detail)
        self.limit = limit
        self.window_s = window_s
        self.retry_after_s = max(1, retry_after_s)


class TooManyWrongKeys(LimitReached):
    """Too many wrong API keys came from this address."""

    policy = "wrong_keys"


class RequestQuotaExceeded(LimitReached):
    """Too many requests a second."""

    policy = "requests"


class UploadQuotaExceeded(LimitReached):
    """Too many uploads on this day."""

    policy = "uploads"


class UploadBytesQuotaExceeded(LimitReached):
    """Too many bytes uploaded on this day."""

    policy = "upload_bytes"


class OpenUploadsQuotaExceeded(LimitReached):
    """As many uploads are unfinished as may be."""

    policy = "open_uploads"


class StoredBytesQuotaExceeded(LimitReached):
    """The stored recordings are as large as they may be."""

    policy = "stored_bytes"


class StoredTracksQuotaExceeded(LimitReached):
    """There are as many recordings as there may be."""

    policy = "stored_tracks"


class QueuedAudioQuotaExceeded(LimitReached):
    """As much audio waits for workers as may."""

    policy = "queued_audio_s"


class QueuedJobsQuotaExceeded(LimitReached):
    """As many jobs wait for workers as may."""

    policy = "queued_jobs"


class OpenStreamQuotaExceeded(LimitReached):
    """As many streams of events are open as may be."""

    policy = "open_streams"


class DeliveryTestQuotaExceeded(LimitReached):
    """Too many test deliveries on this day."""

    policy = "test_deliveries"


class ClassifierQuotaExceeded(LimitReached):
    """There are as many classifiers as there may be."""

    policy = "classifiers"


class CollectionQuotaExceeded(LimitReached):
    """There are as many collections as there may be."""

    policy = "collections"
