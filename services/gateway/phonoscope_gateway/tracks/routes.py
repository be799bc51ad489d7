"""The calls under ``/v1/tracks``."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from phonoscope.contract import Page, Track
from phonoscope.db.tracks import get_track, list_tracks
from phonoscope.errors import InvalidRequest
from phonoscope_gateway.forms import read_form
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.tracks.ranges import parse_range
from phonoscope_gateway.tracks.service import create_track, erase_track

router = APIRouter(prefix="/v1/tracks", tags=["tracks"])

LimitQuery = Annotated[int, Query(ge=1, le=100, description="how many items a page may have")]
CursorQuery = Annotated[str | None, Query(description="`next_cursor` of the page before")]

_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "the recording"}},
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": Track, "description": "These bytes are already a track of yours"}},
    openapi_extra=_UPLOAD_BODY,
)
async def upload_track(request: Request, response: Response, state: StateDep, caller: CallerDep) -> Track:
    """Uploads a recording. The same bytes again give the same track."""
    form = await read_form(request, state.settings.max_upload_bytes)
    if form.upload is None:
        raise InvalidRequest.field("file", "missing")
    with form.upload.file:
        row, created = await to_thread.run_sync(create_track, state, caller.owner_id, form.upload)
    response.status_code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    response.headers["Location"] = f"/v1/tracks/{row.id}"
    return Track.model_validate(row)


@router.get("")
def read_tracks(
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    label: Annotated[str | None, Query(description="only tracks classified so")] = None,
    q: Annotated[str | None, Query(description="text anywhere in the file name")] = None,
) -> Page[Track]:
    """Your tracks, newest first."""
    with state.database.single() as session:
        rows, next_cursor = list_tracks(session, caller.owner_id, cursor=cursor, limit=limit, label=label, q=q)
    return Page(items=[Track.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/{track_id}")
def read_track(track_id: str, state: StateDep, caller: CallerDep) -> Track:
    with state.database.single() as session:
        return Track.model_validate(get_track(session, caller.owner_id, track_id))


@router.delete("/{track_id}", status_code=status.HTTP_204_NO_CONTENT)
def remove_track(track_id: str, state: StateDep, caller: CallerDep) -> None:
    """Erases the recording, its jobs, results and vectors, and every object."""
    erase_track(state, caller.owner_id, track_id)


@router.get(
    "/{track_id}/audio",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The recording as it was uploaded", "content": {"audio/*": {}}},
        206: {"description": "The range asked for", "content": {"audio/*": {}}},
        304: {"description": "It is what you have"},
    },
)
def read_audio(
    track_id: str,
    state: StateDep,
    caller: CallerDep,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The recording's bytes, whole or in part."""
    with state.database.single() as session:
        track = get_track(session, caller.owner_id, track_id)
    etag = f'"{track.sha256}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if if_none_match is not None and etag in if_none_match:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    part = parse_range(range_, track.size_bytes) if if_range in (None, etag) else None
    start, length = part or (0, track.size_bytes)
    stored = state.store.read(track.object_key, start, length)
    headers["Content-Length"] = str(length)
    headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(track.filename, safe='')}"
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{track.size_bytes}"
    code = status.HTTP_206_PARTIAL_CONTENT if part is not None else status.HTTP_200_OK
    return StreamingResponse(stored.chunks, code, headers, track.media_type)
