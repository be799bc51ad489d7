"""The tree of all errors. A class's docstring is its title; ``detail`` says what was found.

PhonoscopeError
├── MalformedRequest            400
├── Unauthorized                401
├── InvalidSignature            403
├── SignatureExpired            403
├── MissingScope                403
├── NotFound                    404
├── NotAcceptable               406
├── RequestTimeout              408
├── JobEnded                    409
├── RequestInFlight             409
├── InvalidRequest              422
│   ├── InvalidCursor
│   ├── IdempotencyKeyReused
│   ├── UnknownLayer
│   ├── UnknownLabel
│   ├── NoStems
│   ├── RefusedUrl
│   └── NoDefaultSecret
├── BodyTooLarge                413
├── UploadTooLarge              413
├── TooManyUploads              429
├── RangeNotSatisfiable         416
├── MisdirectedRequest          421
├── TooManyRequests             429
├── HeadTooLarge                431
├── LimitReached                429
│   ├── TooManyWrongKeys
│   ├── RequestQuotaExceeded
│   ├── UploadQuotaExceeded
│   ├── UploadBytesQuotaExceeded
│   ├── StoredBytesQuotaExceeded
│   ├── StoredTracksQuotaExceeded
│   ├── QueuedAudioQuotaExceeded
│   ├── QueuedJobsQuotaExceeded
│   ├── OpenStreamQuotaExceeded
│   └── DeliveryTestQuotaExceeded
├── RecordingError              422
│   ├── EmptyUpload
│   ├── NotARecording           415
│   ├── NoAudioStream           415
│   ├── UnsupportedCodec        415
│   ├── EncryptedRecording      415
│   ├── UndecodableRecording
│   ├── NonFiniteSamples
│   ├── RecordingTooLong
│   └── TooCostlyToRead
├── ModelError                  500
│   ├── UnknownModel            422
│   ├── ModelNotPulled
│   ├── BodyAbsent              422
│   ├── DownloadFailed
│   ├── UnreadableWeights
│   ├── InvalidManifest
│   ├── WeightsMismatch
│   └── DeviceUnavailable
├── Unavailable                 503
│   ├── DatabaseUnavailable
│   │   ├── TransactionConflict
│   │   ├── LockTimeout
│   │   └── TooManyConnections
│   ├── BrokerUnavailable
│   ├── StoreUnavailable
│   ├── SpoolFull
│   └── Overloaded
├── TaskFailed                  500
│   ├── WorkerLost
│   ├── TimedOut
│   ├── OutOfMemory
│   ├── DiskFull
│   ├── InvalidResult
│   ├── OutdatedResult          410
│   ├── UnsupportedTask
│   └── UnstorableResult
└── StackError                  500
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Self


class PhonoscopeError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    retry_after_s: int | None = None

    def __init__(self, detail: str, *, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []

    @property
    def code(self) -> str:
        """A stable identifier for programs: the class's name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def title(self) -> str:
        return self.title_of()

    @classmethod
    def title_of(cls) -> str:
        """The class's docstring, which is the title of all its errors."""
        return (cls.__doc__ or "").strip().rstrip(".")

    def as_problem(self) -> dict[str, Any]:
        """The members of an RFC 9457 problem that do not depend on the request."""
        problem: dict[str, Any] = {
            "type": f"urn:phonoscope:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": self.retryable,
        }
        if self.errors:
            problem["errors"] = self.errors
        return problem


class MalformedRequest(PhonoscopeError):
    """The request is not HTTP."""

    status = 400


class Unauthorized(PhonoscopeError):
    """The API key is missing or wrong."""

    status = 401


class InvalidSignature(PhonoscopeError):
    """The link's signature is missing or wrong."""

    status = 403


class SignatureExpired(PhonoscopeError):
    """The link has expired."""

    status = 403


class MissingScope(PhonoscopeError):
    """The API key may not do this."""

    status = 403


class NotFound(PhonoscopeError):
    """Not found."""

    status = 404


class NotAcceptable(PhonoscopeError):
    """None of the accepted media types is available."""

    status = 406


class RequestTimeout(PhonoscopeError):
    """The request took too long to arrive."""

    status = 408
    retryable = True
    retry_after_s = 1


class JobEnded(PhonoscopeError):
    """The job has ended."""

    status = 409


class RequestInFlight(PhonoscopeError):
    """The same request is being answered."""

    status = 409
    retryable = True
    retry_after_s = 1


class InvalidRequest(PhonoscopeError):
    """The request is not valid."""

    status = 422

    @classmethod
    def field(cls, name: str, message: str) -> Self:
        return cls(f"{name}: {message}", errors=[{"field": name, "message": message}])

    @classmethod
    def choice(cls, name: str, value: object, known: Iterable[str]) -> Self:
        """A value that does not exist; the message lists those that do."""
        return cls.field(name, f"there is no {value}; there are {', '.join(known)}")


class InvalidCursor(InvalidRequest):
    """The cursor was not made by this service."""


class IdempotencyKeyReused(InvalidRequest):
    """The idempotency key belongs to another request."""


class UnknownLayer(InvalidRequest):
    """The network has no such layer."""


class UnknownLabel(InvalidRequest):
    """The model has no such label."""


class NoStems(InvalidRequest):
    """The track has no stems."""


class RefusedUrl(InvalidRequest):
    """This service does not send to that address."""


class NoDefaultSecret(InvalidRequest):
    """There is no default secret to sign events with."""


class BodyTooLarge(PhonoscopeError):
    """The request's body is larger than this service takes."""

    status = 413


class UploadTooLarge(PhonoscopeError):
    """The upload is larger than this service takes."""

    status = 413


class TooManyUploads(PhonoscopeError):
    """Too many of this owner's uploads wait to be read."""

    status = 429
    retryable = True
    retry_after_s = 5


class RangeNotSatisfiable(PhonoscopeError):
    """The range is outside the recording."""

    status = 416

    def __init__(self, detail: str, size_bytes: int) -> None:
        super().__init__(detail)
        self.size_bytes = size_bytes


class MisdirectedRequest(PhonoscopeError):
    """This service does not answer to that host name."""

    status = 421


class TooManyRequests(PhonoscopeError):
    """Too many requests at once."""

    status = 429
    retryable = True
    retry_after_s = 1


class HeadTooLarge(PhonoscopeError):
    """The request's head is larger than this service takes."""

    status = 431


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


class RecordingError(PhonoscopeError):
    """The recording cannot be analysed."""

    status = 422


class EmptyUpload(RecordingError):
    """The upload holds no bytes."""


class NotARecording(RecordingError):
    """The upload is not a recording."""

    status = 415


class NoAudioStream(RecordingError):
    """The upload has no audio stream."""

    status = 415


class UnsupportedCodec(RecordingError):
    """The recording's codec cannot be decoded."""

    status = 415


class EncryptedRecording(RecordingError):
    """The recording is encrypted."""

    status = 415


class UndecodableRecording(RecordingError):
    """No samples could be decoded."""


class NonFiniteSamples(RecordingError):
    """The recording holds samples that are not numbers."""


class RecordingTooLong(RecordingError):
    """The recording is longer than this service takes."""


class TooCostlyToRead(RecordingError):
    """Reading the recording takes more work than its size allows."""


class ModelError(PhonoscopeError):
    """A model cannot be served."""


class UnknownModel(ModelError):
    """There is no such model."""

    status = 422


class ModelNotPulled(ModelError):
    """The model is not on the worker's machine."""

    retryable = True


class BodyAbsent(ModelError):
    """The model needs a body that is not on this machine."""

    status = 422


class DownloadFailed(ModelError):
    """A model could not be fetched."""

    retryable = True


class UnreadableWeights(ModelError):
    """A model's published file cannot be read."""


class InvalidManifest(ModelError):
    """A model's manifest is not valid."""


class WeightsMismatch(ModelError):
    """A model's weights are not those its manifest names."""


class DeviceUnavailable(ModelError):
    """The device that was asked for is not there."""


class Unavailable(PhonoscopeError):
    """A service that this one needs is down."""

    status = 503
    retryable = True
    retry_after_s = 2


class DatabaseUnavailable(Unavailable):
    """The database is down."""


class TransactionConflict(DatabaseUnavailable):
    """Another transaction was in the way."""


class LockTimeout(DatabaseUnavailable):
    """Another transaction held a lock for too long."""


class TooManyConnections(DatabaseUnavailable):
    """The database has no free connection."""


class BrokerUnavailable(Unavailable):
    """The message broker is down."""


class StoreUnavailable(Unavailable):
    """The object store is down."""


class SpoolFull(Unavailable):
    """There is no disk space to receive the upload."""

    retry_after_s = 60


class Overloaded(Unavailable):
    """The service has no free connection."""


class TaskFailed(PhonoscopeError):
    """The task failed."""

    retryable = True


class WorkerLost(TaskFailed):
    """The worker died during the task."""


class TimedOut(TaskFailed):
    """The task exceeded its time limit."""


class OutOfMemory(TaskFailed):
    """The task needed more memory than the worker has."""


class DiskFull(TaskFailed):
    """The task needed more disk space than the worker has."""


class InvalidResult(TaskFailed):
    """The task's result is not valid."""


class OutdatedResult(TaskFailed):
    """The result was stored by another version of the service and cannot be read."""

    status = 410
    retryable = False


class UnsupportedTask(TaskFailed):
    """The worker's release does not support the task."""


class UnstorableResult(TaskFailed):
    """The task's result cannot be stored."""

    retryable = False


class StackError(PhonoscopeError):
    """The local stack cannot run."""
