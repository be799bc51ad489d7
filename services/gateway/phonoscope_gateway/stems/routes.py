"""The calls under ``/v1/tracks/{id}/stems``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from phonoscope.contract import Stems
from phonoscope.errors import NotFound, OutdatedResult
from phonoscope_gateway.audio_tracks import AudioTrackQuery
from phonoscope_gateway.dispositions import content_disposition
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import CallerDep, HeadDep, StateDep
from phonoscope_gateway.stems.service import find_stems, read_stems, zip_stems

router = APIRouter(prefix="/v1/tracks", tags=["tracks"], responses=KEYED)
_ZIP = "application/zip"
_BYTES = {"schema": {"type": "string", "format": "binary"}}


@router.get("/{track_id}/stems", responses=problems(NotFound, OutdatedResult))
def read_track_stems(track_id: str, state: StateDep, caller: CallerDep, audio_track: AudioTrackQuery = None) -> Stems:
    """The stems of the newest separation, each with a link that needs no key."""
    return read_stems(state, caller, track_id, audio_track)


@router.get(
    "/{track_id}/stems.zip",
    response_class=StreamingResponse,
    responses={200: {"description": "All stems", "content": {_ZIP: _BYTES}}, **problems(NotFound)},
)
def download_track_stems(
    track_id: str, state: StateDep, caller: CallerDep, head: HeadDep, audio_track: AudioTrackQuery = None
) -> Response:
    """The same stems in one file."""
    found = find_stems(state, caller, track_id, audio_track)
    headers = {
        "Content-Disposition": content_disposition("attachment", found.archive_name),
        "Cache-Control": "no-store",
    }
    if head:
        return Response(None, headers=headers, media_type=_ZIP)
    return StreamingResponse(zip_stems(state, caller, found), headers=headers, media_type=_ZIP)
