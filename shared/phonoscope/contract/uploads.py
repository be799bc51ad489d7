"""Uploads that come in pieces."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field, StringConstraints

from phonoscope.contract.jobs import JobRequest
from phonoscope.contract.service import Problem
from phonoscope.requests import RequestModel, text
from phonoscope.states import UploadStatus

MOST_PARTS = 10_000
"""Of one object, as S3 allows."""
MOST_LINKS = 1_000
"""In one answer."""
LEAST_PART_BYTES = 5 << 20
"""Of every part but the last, as S3 demands."""
MOST_PART_BYTES = 1 << 30
USUAL_PART_BYTES = 16 << 20
LONGEST_UPLOAD_NAME = 1_024
SHA256_PATTERN = "^[0-9a-fA-F]{64}$"

PartNumber: TypeAlias = Annotated[int, Field(ge=1, le=MOST_PARTS)]
Sha256: TypeAlias = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]


class PendingUpload(BaseModel):
    """An upload that comes in pieces, until it is a track; it can be read for as long as it could have gone on."""

    id: str
    status: UploadStatus
    filename: str
    size_bytes: int
    offset_bytes: int = Field(
        description="how many bytes are kept; the next ones begin there. Of a direct upload none before its end: "
        "`GET /v1/uploads/{id}/parts` says what the store has"
    )
    sha256: str | None = Field(description="of the whole, where you said it")
    part_bytes: int | None = Field(description="bytes of each part but the last of a direct upload")
    track_id: str | None = Field(description="the track that it became")
    job_id: str | None = Field(description="the job that you asked for with it")
    problem: Problem | None = Field(description="why it was refused")
    created_at: datetime
    expires_at: datetime = Field(description="when it is erased, unless more bytes come before")


class PendingUploads(BaseModel):
    """Your unfinished uploads, the newest first; 1,000 at most."""

    items: list[PendingUpload]


class UploadRequest(RequestModel):
    """A recording that you will send to the object store yourself."""

    filename: Annotated[str, text(LONGEST_UPLOAD_NAME)] = ""
    size_bytes: int = Field(ge=1, le=10**18)
    sha256: Sha256 = Field(description="of the whole, in hexadecimal digits")
    part_bytes: int = Field(
        USUAL_PART_BYTES, ge=LEAST_PART_BYTES, le=MOST_PART_BYTES, description="bytes of each part but the last"
    )
    job: JobRequest | None = Field(None, description="a job on the track that it becomes; without `track_id`")


class PartsRequest(RequestModel):
    """Parts for which you need links."""

    numbers: list[PartNumber] = Field(min_length=1, max_length=MOST_LINKS)


class SentPart(RequestModel):
    """A part that you have sent, with the `ETag` that the store answered."""

    number: PartNumber
    etag: Annotated[str, text(200)]


class CompleteRequest(RequestModel):
    """The end of a direct upload. Parts that you name are compared with those that the store has."""

    parts: list[SentPart] = Field(default_factory=list, max_length=MOST_PARTS)


class PartLink(BaseModel):
    """Where a part is sent, by `PUT` and without a key."""

    number: int
    start: int = Field(description="the part's first byte")
    size_bytes: int
    url: str


class PartLinks(BaseModel):
    """Links to parts of a direct upload."""

    items: list[PartLink]
    expires_at: datetime = Field(description="when the links are good no longer; ask for others then")


class KeptPart(BaseModel):
    """A part that the store has."""

    number: int
    size_bytes: int
    etag: str = Field(description="empty where the store has put the parts together: complete the upload again")


class KeptParts(BaseModel):
    """The parts that the store has of a direct upload, by their numbers."""

    items: list[KeptPart]


class DirectUpload(BaseModel):
    """A direct upload that has begun, with links to its first parts, 1,000 at most."""

    upload: PendingUpload
    parts: int = Field(description="how many parts it has")
    links: PartLinks
