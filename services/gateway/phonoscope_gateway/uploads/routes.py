"""The calls under ``/v1/uploads``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, status

from phonoscope.contract import (
    CompleteRequest,
    DirectUpload,
    KeptParts,
    PartLinks,
    PartsRequest,
    PendingUpload,
    PendingUploads,
    UploadRequest,
)
from phonoscope.contract.uploads import Sha256
from phonoscope.db.library.uploads import open_uploads
from phonoscope.errors import (
    NoPublicStore,
    NotARecording,
    NotFound,
    PartsMissing,
    RequestInFlight,
    UploadBusy,
    UploadEnded,
    UploadTooLarge,
)
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.idempotency import UPLOADED, IdempotencyDep
from phonoscope_gateway.problems import KEYED, links, problems
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.uploads.direct import begin, complete, kept_parts, link_parts
from phonoscope_gateway.uploads.service import abandon, read_upload
from phonoscope_gateway.uploads.view import describe_upload

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], responses=KEYED)

_MOST_LISTED = 1_000
UploadBody = Annotated[UploadRequest, Depends(json_body(UploadRequest))]
PartsBody = Annotated[PartsRequest, Depends(json_body(PartsRequest))]
CompleteBody = Annotated[CompleteRequest, Depends(json_body(CompleteRequest))]

_OF_ONE = links(
    "upload/id",
    upload_id=("read_one_upload", "link_upload_parts", "read_upload_parts", "complete_upload", "remove_one_upload"),
)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(UploadRequest),
    responses=UPLOADED | problems(NoPublicStore, RequestInFlight, UploadTooLarge) | {201: {"links": _OF_ONE}},
)
def begin_upload(request: UploadBody, response: Response, once: IdempotencyDep) -> DirectUpload:
    """Begins an upload whose parts you send to the object store, by links that need no key."""
    return begin(once, request).write(response)


@router.get("")
def read_uploads(
    state: StateDep,
    caller: CallerDep,
    sha256: Annotated[Sha256 | None, Query(description="only uploads that are to have this SHA-256")] = None,
) -> PendingUploads:
    """Your unfinished uploads, the newest first."""
    with state.database.autocommit() as session:
        rows = open_uploads(session, caller.owner_id, sha256 and sha256.lower(), _MOST_LISTED)
    return PendingUploads(items=[describe_upload(row) for row in rows])


@router.get("/{upload_id}", responses=problems(NotFound))
def read_one_upload(upload_id: str, state: StateDep, caller: CallerDep) -> PendingUpload:
    """How far an upload has come, and the track that it became or why it was refused."""
    return describe_upload(read_upload(state, caller.owner_id, upload_id))


@router.delete("/{upload_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound, UploadBusy))
async def remove_one_upload(upload_id: str, state: StateDep, caller: CallerDep) -> None:
    """Erases the upload and its bytes; the track that it has become stays."""
    await abandon(state, caller.owner_id, upload_id)


@router.get("/{upload_id}/parts", responses=problems(NotFound, UploadEnded))
def read_upload_parts(upload_id: str, state: StateDep, caller: CallerDep) -> KeptParts:
    """The parts that the store has: what is missing is to be sent still."""
    return kept_parts(state, caller.owner_id, upload_id)


@router.post("/{upload_id}/parts", openapi_extra=takes(PartsRequest), responses=problems(NotFound, UploadEnded))
def link_upload_parts(upload_id: str, request: PartsBody, state: StateDep, caller: CallerDep) -> PartLinks:
    """Fresh links to parts, in any order. Of a part that is sent twice the last one counts."""
    return link_parts(state, caller.owner_id, upload_id, request.numbers)


@router.post(
    "/{upload_id}/complete",
    openapi_extra=takes(CompleteRequest),
    responses=problems(NotFound, PartsMissing, UploadEnded, NotARecording, UploadBusy),
)
async def complete_upload(upload_id: str, request: CompleteBody, state: StateDep, caller: CallerDep) -> PendingUpload:
    """Makes a direct upload a track, as `POST /v1/tracks` would, or refuses it; again, it is answered again."""
    return describe_upload(await complete(state, caller, upload_id, request))
