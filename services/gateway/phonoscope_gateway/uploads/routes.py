"""The calls under ``/v1/uploads``."""

from __future__ import annotations

from fastapi import APIRouter, status

from phonoscope.contract import PendingUpload
from phonoscope.errors import NotFound, UploadBusy
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.uploads.service import abandon, read_upload
from phonoscope_gateway.uploads.view import describe_upload

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], responses=KEYED)


@router.get("/{upload_id}", responses=problems(NotFound))
def read_one_upload(upload_id: str, state: StateDep, caller: CallerDep) -> PendingUpload:
    """How far an upload has come, and the track that it became or why it was refused."""
    return describe_upload(read_upload(state, caller.owner_id, upload_id))


@router.delete("/{upload_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound, UploadBusy))
async def remove_one_upload(upload_id: str, state: StateDep, caller: CallerDep) -> None:
    """Erases the upload and its bytes; the track that it has become stays."""
    await abandon(state, caller.owner_id, upload_id)
