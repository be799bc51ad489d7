"""What is wrong with a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from phonoscope.errors.base import PhonoscopeError


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


class ShareEnded(NotFound):
    """The shared link has ended."""


class NotShared(PhonoscopeError):
    """A shared link does not open this."""

    status = 403


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


class SpaceInUse(PhonoscopeError):
    """The space is in use."""

    status = 409


class NameTaken(PhonoscopeError):
    """Something else has that name."""

    status = 409


class RequestInFlight(PhonoscopeError):
    """The same request is being answered."""

    status = 409
    retryable = True
    retry_after_s = 1


class NoPublicStore(PhonoscopeError):
    """Clients cannot reach the object store."""

    status = 409


class PartsMissing(PhonoscopeError):
    """The store has not all parts as they were announced."""

    status = 409


class OffsetConflict(PhonoscopeError):
    """The upload goes on at another offset."""

    status = 409


class NothingToUndo(PhonoscopeError):
    """There is no change to undo."""

    status = 409


class UploadEnded(PhonoscopeError):
    """The upload has ended."""

    status = 410


class PreconditionFailed(PhonoscopeError):
    """Another change came first."""

    status = 412


class UnsupportedTusVersion(PhonoscopeError):
    """This service speaks another version of the upload protocol."""

    status = 412


class UnsupportedMediaType(PhonoscopeError):
    """The body's media type is another one than this call takes."""

    status = 415


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


class TooManyLabels(InvalidRequest):
    """There would be more labels than this service keeps."""


class TooManyShares(InvalidRequest):
    """The recording has as many shared links as it may."""


class ContradictoryLabels(InvalidRequest):
    """Labels contradict each other."""


class TooFewExamples(InvalidRequest):
    """There are too few examples to teach from."""


class SpaceGone(InvalidRequest):
    """The space in which the examples are compared is no longer served."""


class InvalidImport(InvalidRequest):
    """The file cannot be imported; nothing was changed."""


class RefusedUrl(InvalidRequest):
    """This service does not send to that address."""


class NoDefaultSecret(InvalidRequest):
    """There is no default secret to sign events with."""


class DigestMismatch(InvalidRequest):
    """The bytes are not those that were announced."""


class UnsupportedChecksum(PhonoscopeError):
    """This service does not compute that checksum."""

    status = 400


class UploadBusy(PhonoscopeError):
    """Another request writes to the upload."""

    status = 423
    retryable = True
    retry_after_s = 5


class ChecksumMismatch(PhonoscopeError):
    """The body is not that of its checksum; nothing of it was kept."""

    status = 460
    retryable = True
    retry_after_s = 1


class BodyTooLarge(PhonoscopeError):
    """The request's body is larger than this service takes."""

    status = 413


class UploadTooLarge(PhonoscopeError):
    """The upload is larger than this service takes."""

    status = 413


class RangeNotSatisfiable(PhonoscopeError):
    """The range is outside the recording."""

    status = 416

    def __init__(self, detail: str, size_bytes: int) -> None:
        super().__init__(detail)
        self.size_bytes = size_bytes


class MisdirectedRequest(PhonoscopeError):
    """This service does not answer to that host name."""

    status = 421


class HeadTooLarge(PhonoscopeError):
    """The request's head is larger than this service takes."""

    status = 431
