"""The calls under ``/v1/uploads/tus``: the tus protocol, version 1.0.0.

They have paths of their own, because only headers distinguish a request of the protocol from one in JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request, Response, status
from sqlalchemy.orm import Session

from phonoscope.db.schema.uploads import UploadRow
from phonoscope.errors import (
    ChecksumMismatch,
    EmptyUpload,
    InvalidRequest,
    NotARecording,
    NotFound,
    OffsetConflict,
    OutdatedResult,
    RequestInFlight,
    UnsupportedChecksum,
    UnsupportedMediaType,
    UnsupportedTusVersion,
    UploadBusy,
    UploadEnded,
    UploadTooLarge,
)
from phonoscope_gateway.idempotency import IdempotencyDep, IdempotentRequest
from phonoscope_gateway.problems import KEYED, TUS_VERSION, problems
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.uploads.appending import append
from phonoscope_gateway.uploads.metadata import parse_metadata, read_metadata
from phonoscope_gateway.uploads.once import begin_once
from phonoscope_gateway.uploads.protocol import (
    ALGORITHMS,
    CHECKSUM_PATTERN,
    EXTENSIONS,
    OFFSET_STREAM,
    Checksum,
    check_media_type,
    check_version,
    checksum_of,
    has_body,
    number,
)
from phonoscope_gateway.uploads.service import abandon, add_new, check_way, new_upload, read_upload
from phonoscope_gateway.uploads.view import headers_of

router = APIRouter(prefix="/v1/uploads/tus", tags=["uploads"])

_PATH = "/v1/uploads/tus"
_NOT_SPOKEN = problems(UnsupportedTusVersion)
_OF_WRITING = (
    NotFound, OffsetConflict, UploadEnded, UploadTooLarge, UnsupportedMediaType, NotARecording, UploadBusy,
    ChecksumMismatch, UnsupportedChecksum,
)  # fmt: skip
_WRITTEN = problems(*_OF_WRITING)
_CREATED = problems(*_OF_WRITING, EmptyUpload, RequestInFlight, OutdatedResult)


def _header(name: str, description: str, *, required: bool, **schema: Any) -> dict[str, Any]:
    shape = {"type": "string"} | schema
    return {"name": name, "in": "header", "required": required, "description": description, "schema": shape}


_VERSION = _header("Tus-Resumable", "the version of the protocol", required=True, const=TUS_VERSION)
_BYTES = {"pattern": "^[0-9]{1,18}$"}
_CHECKSUM = _header(
    "Upload-Checksum",
    f"of the body: one of {ALGORITHMS}, a space, the digest in Base64",
    required=False,
    pattern=CHECKSUM_PATTERN,
)
_BODY = {"content": {OFFSET_STREAM: {"schema": {"type": "string", "format": "binary"}}}}

Speaks = Depends(check_version)


@router.options("", status_code=status.HTTP_204_NO_CONTENT, include_in_schema=False)
@router.options("/{upload_id}", status_code=status.HTTP_204_NO_CONTENT, include_in_schema=False)
async def read_tus_abilities(response: Response, state: StateDep) -> None:
    """What this service speaks of tus, in headers; it asks for no key."""
    response.headers["Tus-Version"] = TUS_VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Checksum-Algorithm"] = ALGORITHMS
    response.headers["Tus-Max-Size"] = str(state.settings.max_upload_bytes)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_class=Response,
    responses=KEYED | _NOT_SPOKEN | _CREATED,
    dependencies=[Speaks],
    openapi_extra={
        "parameters": [
            _VERSION,
            _header("Upload-Length", "bytes of the whole recording", required=True, **_BYTES),
            _header(
                "Upload-Metadata",
                "`filename`; `sha256` of the whole in hexadecimal digits; `tasks`, `options`, `metadata` and "
                "`webhook_url` as in the form of `POST /v1/jobs`, to have a job made. Values are in Base64",
                required=False,
            ),
            _CHECKSUM,
        ],
        "requestBody": _BODY,
    },
)
async def create_tus_upload(request: Request, once: IdempotencyDep) -> Response:
    """Begins an upload, whose address is in `Location`; a body has its first bytes.

    The same request under the same key finds that upload as it is by then, at its `Upload-Offset`; its body is added
    where none of it was kept.
    """
    for name in ("upload-defer-length", "upload-concat"):
        if name in request.headers:
            raise InvalidRequest.field(name, "is not of the extensions that this service has")
    body, checksum = has_body(request), checksum_of(request)
    if body:
        check_media_type(request)
    said = request.headers.get("upload-metadata", "")
    size_bytes, metadata = number(request, "Upload-Length"), read_metadata(said)
    if body and once.key is not None and checksum is None and metadata.sha256 is None:
        raise InvalidRequest.field("Idempotency-Key", "with a body it needs Upload-Checksum, or the metadata's sha256")
    asked = {
        "size_bytes": size_bytes,
        "metadata": parse_metadata(said),
        "checksum": request.headers.get("upload-checksum"),
    }

    def add(then: Callable[[Session, UploadRow], None]) -> UploadRow:
        new = new_upload(once.state, once.caller, size_bytes, metadata, said)
        with once.state.database.transaction() as session:
            then(session, add_new(session, once.state, new))
        return new

    row, answered = await to_thread.run_sync(begin_once, once, _PATH, lambda: asked, add)
    _check_refused(row)
    if body and not row.offset_bytes:
        row = await _begin(once, row, request, checksum, replayed=answered.replayed)
    response = Response(None, headers=headers_of(row))
    answered.write(response)
    return response


async def _begin(
    once: IdempotentRequest, row: UploadRow, request: Request, checksum: Checksum | None, *, replayed: bool
) -> UploadRow:
    """Adds the first bytes; to a repetition, those that the request before it has added meanwhile are as good."""
    try:
        return await append(once.state, once.caller, row.id, 0, request, checksum)
    except (OffsetConflict, UploadEnded):
        if not replayed:
            raise
        row = await to_thread.run_sync(read_upload, once.state, once.caller.owner_id, row.id)
        _check_refused(row)
        if not row.offset_bytes:
            raise
        return row


@router.get(
    "/{upload_id}",
    response_class=Response,
    responses=KEYED | _NOT_SPOKEN | problems(NotFound, UploadEnded),
    dependencies=[Speaks],
    openapi_extra={"parameters": [_VERSION]},
)
def read_tus_upload(upload_id: str, state: StateDep, caller: CallerDep) -> Response:
    """Where the upload goes on, in `Upload-Offset`; `HEAD` is what tus asks with.

    `Phonoscope-Track` is the track that it has become, `Phonoscope-Job` the job that was asked for with it.
    """
    row = read_upload(state, caller.owner_id, upload_id)
    check_way(row, direct=False)
    _check_refused(row)
    return Response(None, status.HTTP_200_OK, headers_of(row))


@router.patch(
    "/{upload_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=KEYED | _NOT_SPOKEN | _WRITTEN,
    dependencies=[Speaks],
    openapi_extra={
        "parameters": [
            _VERSION,
            _header("Upload-Offset", "where the body begins: how many bytes are kept", required=True, **_BYTES),
            _CHECKSUM,
        ],
        "requestBody": _BODY,
    },
)
async def append_to_tus_upload(upload_id: str, request: Request, state: StateDep, caller: CallerDep) -> Response:
    """Adds bytes. With the last one the upload becomes a track, as by `POST /v1/tracks`, or is refused as there."""
    check_media_type(request)
    offset, checksum = number(request, "Upload-Offset"), checksum_of(request)
    row = await append(state, caller, upload_id, offset, request, checksum)
    return Response(None, status.HTTP_204_NO_CONTENT, headers_of(row))


@router.delete(
    "/{upload_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=KEYED | _NOT_SPOKEN | problems(NotFound, UploadBusy),
    dependencies=[Speaks],
    openapi_extra={"parameters": [_VERSION]},
)
async def remove_tus_upload(upload_id: str, state: StateDep, caller: CallerDep) -> None:
    """Erases the upload and its bytes; the track that it has become stays."""
    await abandon(state, caller.owner_id, upload_id)


@router.post("/{upload_id}", include_in_schema=False, dependencies=[Speaks])
async def override_tus_method(upload_id: str, request: Request, state: StateDep, caller: CallerDep) -> Response:
    """For clients that cannot send every method: the one in ``X-HTTP-Method-Override``."""
    method = request.headers.get("x-http-method-override")
    if method is None:
        raise HTTPException(status.HTTP_405_METHOD_NOT_ALLOWED)
    if method == "PATCH":
        return await append_to_tus_upload(upload_id, request, state, caller)
    if method == "DELETE":
        await abandon(state, caller.owner_id, upload_id)
        return Response(None, status.HTTP_204_NO_CONTENT)
    raise InvalidRequest.field("X-HTTP-Method-Override", "must be PATCH or DELETE")


def _check_refused(row: UploadRow) -> None:
    if row.problem is not None:
        raise UploadEnded(f"the upload was refused: {row.problem['detail']}")
